"""Domains: ranks, ranges too long to enumerate, and messages in terms of the study file."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.core.validation import explain
from space.domains import Choice, IntRange

NUMBERS = (
    "takes a whole number, a list of them, or a range such as {low = 4, high = 16, step = 2}, but got {got}"
)


SHARING = 'takes one of "network", "level", "iteration" or a list of them'


@st.composite
def ranges(draw: st.DrawFn) -> IntRange:
    low = draw(st.integers(-5, 9))
    return IntRange(low=low, high=low + draw(st.integers(0, 30)), step=draw(st.integers(1, 7)))


choices = st.builds(Choice, choices=st.lists(st.integers(-5, 40), min_size=1, unique=True).map(tuple))


@given(domain=ranges() | choices)
def test_ranks_are_places_in_ascending_order(domain: Choice | IntRange) -> None:
    ascending = [domain.value_of_rank(rank) for rank in range(domain.size)]
    assert ascending == sorted(domain.values())
    assert [domain.rank(value) for value in ascending] == list(range(domain.size))
    assert (domain.smallest, domain.largest) == (ascending[0], ascending[-1])
    with pytest.raises(IndexError):
        domain.value_of_rank(domain.size)


def test_level_comes_before_iteration() -> None:
    domain = Choice(choices=("iteration", "level"))
    assert [domain.value_of_rank(rank) for rank in (0, 1)] == ["level", "iteration"]
    assert (domain.rank("iteration"), domain.smallest, domain.largest) == (1, "level", "iteration")


@pytest.mark.parametrize("domain", [IntRange(low=4, high=9, step=2), Choice(choices=(4, 6))])
@pytest.mark.parametrize("value", [2, 5, 9, 10, "level"])
def test_what_is_not_in_a_domain_has_no_rank(domain: Choice | IntRange, value: int | str) -> None:
    with pytest.raises(ValueError, match=r"is not in"):
        domain.rank(value)


@pytest.mark.timeout(60)
def test_a_range_is_never_walked() -> None:
    domain = IntRange(low=3, high=10**40, step=10)
    assert domain.size == 10**39
    assert domain.largest == 10**40 - 7
    assert domain.rank(domain.value_of_rank(10**38)) == 10**38
    SpaceConfig.model_validate({"c_u": {"low": 1, "high": 10**9}})


def message(**space: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        SpaceConfig.model_validate(space)
    error = explain(caught.value, SpaceConfig, "x.toml")
    assert isinstance(error, InvalidInputError)
    return str(error)


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({"c_u": 4.5}, "c_u: " + NUMBERS.replace("{got}", "4.5")),
        ({"c_u": [4, 4.5]}, "c_u: " + NUMBERS.replace("{got}", "4.5")),
        ({"c_u": True}, "c_u: " + NUMBERS.replace("{got}", "true")),
        ({"levels": "two"}, "levels: " + NUMBERS.replace("{got}", "'two'")),
        ({"nu": [[1], ["x"]]}, "nu: " + NUMBERS.replace("{got}", "'x'")),
        ({"c_f": "c_v"}, "c_f: " + NUMBERS.replace(", but got {got}", ", or \"c_u\", but got 'c_v'")),
        ({"c_u": []}, "c_u: needs at least 1 value, but got []"),
        ({"c_u": [4, 4]}, "c_u: choices must differ from each other, but got [4, 4]"),
        ({"c_u": {"low": 1.5, "high": 3}}, "c_u: low must be a whole number, but got 1.5"),
        ({"c_u": {"low": 1, "high": True}}, "c_u: high must be a whole number, but got true"),
        ({"c_u": {"low": 1, "high": 3, "step": 0}}, "c_u: step must be at least 1, but got 0"),
        ({"c_u": {"low": 5, "high": 3}}, "c_u: low <= high must hold, but got low=5, high=3"),
        ({"c_u": {"low": 5}}, "c_u: a range needs low and high, but got {low = 5}"),
        ({"c_u": {"low": 1, "hihg": 3}},
         "unknown key 'c_u.hihg'; did you mean 'high'? (known here: low, high, step, log)"),
        ({"levels": {"low": 1, "hihg": 3}},
         "unknown key 'levels.hihg'; did you mean 'high'? (known here: low, high, step, log)"),
        (
            {"c_u": [{"low": 1, "high": 3}, {"low": 1, "q": 3}]},
            "unknown key 'c_u.q' (known here: low, high, step, log)",
        ),
        ({"share_a": {"low": 1, "high": 2}}, f'share_a: {SHARING}, '
         "but got {low = 1, high = 2}"),
        ({"share_a": ["level", "net"]}, f'share_a: {SHARING}, '
         "but got 'net'"),
        ({"share_a": IntRange(low=1, high=2)}, f'share_a: {SHARING}, '
         "but got {low = 1, high = 2, step = 1}"),
        ({"nu": [0, 1]}, "nu: takes whole numbers from 1 to 1000, but got 0"),
        ({"nu": {"low": 1, "high": 10**9}}, "nu: takes whole numbers from 1 to 1000, but got 1000000000"),
        ({"levels": {"low": 0, "high": 2}}, "levels: takes whole numbers from 1 to 32, but got 0"),
    ],
)  # fmt: skip
def test_messages_about_domains(space: dict[str, Any], says: str) -> None:
    assert message(**space) == f"x.toml: {says}"


@pytest.mark.parametrize("hyperparameter", ["c_u", "c_f", "levels", "share_a", "family", "an unknown one"])
def test_long_values_are_shortened(hyperparameter: str) -> None:
    long = "x" * 10**6
    for value in (long, [long], [[["x"] * 10**6] * 10], {long: 3}, 16**5000):
        for key in (hyperparameter, hyperparameter * 10**5):
            assert len(message(**{key: value})) < 400
