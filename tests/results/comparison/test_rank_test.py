"""The Mann-Whitney U test against all permutations, and the correction of Holm."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.comparison.rank_test import holm, rank_test, smallest_p

SAMPLE = st.lists(st.integers(0, 9).map(float), min_size=4, max_size=5)


def u_of(a: list[float], b: list[float]) -> float:
    return sum((x > y) + (x == y) / 2 for x in a for y in b)


def by_permutations(a: list[float], b: list[float]) -> float:
    """Twice the share of the smaller tail over all divisions of the values into two groups."""
    values, mine = [*a, *b], u_of(a, b)
    found = []
    for chosen in itertools.combinations(range(len(values)), len(a)):
        rest = [values[place] for place in range(len(values)) if place not in chosen]
        found.append(u_of([values[place] for place in chosen], rest))
    tails = [sum(u <= mine + 1e-9 for u in found), sum(u >= mine - 1e-9 for u in found)]
    return min(1.0, 2 * min(tails) / len(found))


@given(a=SAMPLE, b=SAMPLE)
def test_p_value_is_that_of_all_permutations(a: list[float], b: list[float]) -> None:
    found = rank_test(a, b)
    assert found.effect == pytest.approx(u_of(a, b) / (len(a) * len(b)))
    assert found.p_value == pytest.approx(by_permutations(a, b))


@given(a=SAMPLE, b=SAMPLE)
def test_exchanged_samples_have_the_opposite_effect(a: list[float], b: list[float]) -> None:
    one, other = rank_test(a, b), rank_test(b, a)
    assert one.effect == pytest.approx(1 - other.effect)
    assert one.p_value == pytest.approx(other.p_value)


def test_small_samples_have_no_p_value() -> None:
    assert rank_test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]).p_value is None
    assert smallest_p(3, 3) == pytest.approx(0.1)
    apart = rank_test([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0])
    assert apart.p_value == pytest.approx(smallest_p(4, 4)) == pytest.approx(2 / 70)
    assert apart.effect == 0.0


def test_many_values_with_ties_are_asymptotic() -> None:
    low, high = [0.0, 1.0, 1.0, 2.0] * 5, [3.0, 4.0, 4.0, 5.0] * 5
    found = rank_test(low, high)
    assert found.p_value is not None
    assert 0 < found.p_value < 1e-6


def test_holm_corrects_in_order_and_ignores_missing_values() -> None:
    assert holm([0.01, None, 0.04, 0.03]) == pytest.approx([0.03, None, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
