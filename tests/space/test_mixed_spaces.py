"""Spaces over all families and hyperparameters: conditions, strict limits, increments."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.decision_tree import is_countable, is_structure
from space.domains import FloatRange, IntRange
from space.networks.mgnet import MgNetSpec
from space.search_space import SearchSpace
from tests.support.profiles import examples

ALL: dict[str, Any] = {
    "family": ["mgnet", "resnet", "preact_resnet"],
    "levels": [1, 2, 3],
    "nu": {"low": 1, "high": 4},
    "c_u": {"low": 4, "high": 128, "step": 4},
    "c_f": {"low": 4, "high": 128, "step": 4},
    "share_a": ["network", "level", "iteration"],
    "share_b": ["network", "level", "iteration"],
    "smoother": ["conv", "linear", "quadratic", "two_step"],
    "smoothers": {"two_step": {"weights": ["learned", "chebyshev"]}},
    "kernel_b": [1, 3, 5],
    "groups_b": [1, 4, "depthwise"],
    "interpolation": ["conv", "depthwise", "pool", "zero"],
    "restriction": ["conv", "depthwise", "pool"],
    "block": ["basic", "bottleneck"],
    "stem": ["cifar", "imagenet"],
    "activation": ["relu", "silu"],
    "dropout": {"low": 0.0, "high": 0.3},
    "train": {"lr": {"low": 0.01, "high": 1.0, "log": True}, "flip": [False, True]},
}


def make_space(**changes: Any) -> SearchSpace:
    return SearchSpace(SpaceConfig.model_validate(ALL | changes), image_size=(16, 12), batch_size=8)


def test_samples_have_the_hyperparameters_of_their_network_and_no_others() -> None:
    space = make_space()
    rng = random.Random(0)
    kinds: Counter[str] = Counter()
    for _ in range(600):
        point = space.sample(rng)
        spec = space.spec(point)
        kinds[spec.family] += 1
        assert list(space.hyperparameters_of(point)) == list(point)
        assert ("smoother" in point) == (spec.family == "mgnet")
        assert ("block" in point) == (spec.family != "mgnet")
        assert ("two_step.weights" in point) == (point.get("smoother") == "two_step")
        assert ("kernel_b" in point) == (point.get("smoother") not in ("linear", "quadratic"))
        assert ("c_f_1" in point) == (point.get("smoother") not in ("linear", "quadratic"))
        assert ("interpolation" in point) == (spec.family == "mgnet" and point["levels"] > 1)
        assert ("nu_3" in point) == (point["levels"] == 3)
        assert set(space.training(point)) == {"lr", "flip"}
    assert min(kinds.values()) > 150


def test_a_hyperparameter_means_what_it_says() -> None:
    space = make_space(dropout=0.25, train={})
    point = {
        "family": "mgnet", "levels": 2, "smoother": "two_step", "two_step.weights": "chebyshev",
        "kernel_b": 5, "groups_b": 4, "interpolation": "zero", "restriction": "pool", "stem": "imagenet",
        "activation": "silu",
        "nu_1": 2, "c_u_1": 8, "c_f_1": 12, "nu_2": 3, "c_u_2": 16, "c_f_2": 8, "share_a": "iteration",
        "share_b": "network",
    }  # fmt: skip
    spec = space.spec(point)
    assert spec.notation == (
        "MgNet[2,3]-[(8,12),(16,8)]-A^{l,i}-B^l-kernel_b=5-groups_b=4-activation=silu-stem=imagenet-dropout=0.25"
        "-smoother=two_step(weights=chebyshev)-interpolation=zero-restriction=pool"
    )
    assert isinstance(spec, MgNetSpec)


def test_hyperparameters_of_the_whole_space() -> None:
    space = make_space()
    hyperparameters = space.hyperparameters()
    rng = random.Random(1)
    drawn = {hyperparameter for _ in range(300) for hyperparameter in space.sample(rng)}
    assert drawn <= set(hyperparameters)
    assert isinstance(hyperparameters["train.lr"], FloatRange)
    assert space.size() == float("inf")
    assert [hyperparameter for hyperparameter in hyperparameters if is_structure(hyperparameter)][:3] == [
        "family",
        "levels",
        "smoother",
    ]


@pytest.mark.parametrize("limits", [{"max_params": 4000}, {"max_params": 2000, "max_macs": 100_000}])
def test_few_feasible_networks_are_sampled_without_end(limits: dict[str, int]) -> None:
    """Of all points about a hundredth is within the first limits, and a thousandth within the second."""
    space = make_space(**limits)
    space.check_feasible()
    rng = random.Random(0)
    share = sum(space.is_feasible(space.sample(rng)) for _ in range(1000)) / 1000
    assert share < 0.03
    points = [space.sample_feasible(rng) for _ in range(30)]
    assert all(point is not None and space.is_feasible(point) for point in points)
    assert len({space.spec(point).arch for point in points if point}) > 20


def test_shrinking_keeps_the_structure() -> None:
    space = make_space(max_params=3000)
    rng = random.Random(3)
    num_shrunk = 0
    for _ in range(50):
        point = space.sample(rng)
        smaller = space.shrunk(point, rng)
        if smaller is None:
            continue
        num_shrunk += smaller != point
        assert space.is_feasible(smaller)
        assert all(
            smaller[hyperparameter] == point[hyperparameter]
            for hyperparameter in point
            if not is_countable(hyperparameter)
        )
        assert space.hyperparameters_of(smaller).keys() == space.hyperparameters_of(point).keys()
    assert num_shrunk > 10


def test_activation_memory_is_a_limit_for_a_batch() -> None:
    space = make_space(max_activation_mib=0.5)
    rng = random.Random(0)
    points = [space.sample(rng) for _ in range(200)]
    for point in points:
        mib = space.spec(point).counts((16, 12)).activation_bytes * 8 / 2**20
        assert space.is_feasible(point) == (mib <= 0.5)
    assert not all(space.is_feasible(point) for point in points)
    with pytest.raises(
        ValueError, match=r"space.max_activation_mib = 0.001, but the smallest network .* MiB"
    ):
        make_space(max_activation_mib=0.001).check_feasible()


@pytest.mark.parametrize("key", ["max_flash_kib", "max_sram_kib"])
def test_flash_and_sram_are_limits_to_the_byte(key: str) -> None:
    tables = {
        "levels": [1, 2],
        "c_u": [2, 3, 5, 8],
        "nu": [1, 2, 3],
        "smoothers": {"conv": {}, "two_step": {}},
    }
    free = SearchSpace(SpaceConfig.model_validate(tables), image_size=(16, 12), counts_device=True)
    field = "flash_bytes" if "flash" in key else "sram_bytes"
    sizes = sorted(getattr(free.counts(free.spec(point)), field) for point in free.points())
    limit = sizes[len(sizes) // 2]
    space = SearchSpace(SpaceConfig.model_validate(tables | {key: limit / 1024}), image_size=(16, 12))
    within = [space.counts(space.spec(point)) for point in space.feasible_points()]
    assert len(within) == sum(size <= limit for size in sizes)
    assert max(getattr(counts, field) for counts in within) == limit
    assert space.cost_range(key.removeprefix("max_")) == (sizes[0] / 1024, limit / 1024)
    with pytest.raises(ValueError, match=rf"space.{key} = 0.001, but the smallest network .* int8 C code"):
        SearchSpace(SpaceConfig.model_validate(tables | {key: 0.001}), image_size=8).check_feasible()


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            {"activation": ["relu", "silu"], "max_flash_kib": 64},
            "space.max_flash_kib needs int8 C code, but the activation silu has none: set space.activation to relu",
        ),
        (
            {"activation": "gelu"},
            "a cost of flash or SRAM needs int8 C code, but the activation gelu has none",
        ),
    ],
)
def test_spaces_without_int8_code_are_refused(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        SearchSpace(SpaceConfig.model_validate(tables), counts_device=True)


SMALL = st.sampled_from([1, 2, 4])


@st.composite
def small_spaces(draw: st.DrawFn) -> dict[str, Any]:
    """Spaces of at most a few thousand points over any family, with a limit or without."""

    def some(values: list[Any]) -> Any:
        return draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True))

    return {
        "family": some(["mgnet", "resnet", "preact_resnet"]),
        "levels": draw(st.sampled_from([1, 2, [1, 2]])),
        "nu": draw(st.sampled_from([1, [1, 2]])),
        "c_u": some([1, 2, 4, 6]),
        "block": some(["basic", "bottleneck"]),
        "c_f": draw(st.sampled_from(["c_u", [2, 3]])),
        "share_a": some(["network", "level", "iteration"]),
        "share_b": some(["network", "level", "iteration"]),
        "smoother": some(["conv", "linear", "two_step"]),
        "groups_b": some([1, 2, "depthwise"]),
        "interpolation": some(["conv", "pool", "zero"]),
        "restriction": some(["conv", "pool"]),
        "stem": some(["cifar", "imagenet"]),
        "max_params": draw(st.none() | st.integers(60, 1500)),
        "max_macs": draw(st.none() | st.integers(2_000, 60_000)),
    }


@examples(25)
@given(tables=small_spaces())
def test_walks_agree_with_brute_force(tables: dict[str, Any]) -> None:
    space = SearchSpace(SpaceConfig.model_validate(tables), in_channels=1, image_size=9)
    points = list(space.points())
    assert len(points) == space.size()
    assert len({tuple(sorted(point.items())) for point in points}) == len(points)
    feasible = [point for point in points if space.is_feasible(point)]
    assert list(space.feasible_points()) == feasible
    params = [space.spec(point).params for point in points]
    assert space.params_extremes == (min(params), max(params))
    if feasible:
        space.check_feasible()


def test_increments_never_shrink_widths() -> None:
    widths = {"first": {"low": 8, "high": 24, "step": 8}, "increment": [0, 8, 16]}
    space = make_space(
        c_u=widths, c_f="c_u", levels=3, family="mgnet", smoother="conv", dropout=0.0, train={}
    )
    rng = random.Random(0)
    found = set()
    for _ in range(200):
        point = space.sample(rng)
        c_u = [level.c_u for level in space.spec(point).levels]
        assert c_u == sorted(c_u)
        assert c_u[1] - c_u[0] == point["c_u_2_increment"]
        found.add(tuple(c_u))
    assert len(found) == 3 * 3 * 3
    config = SpaceConfig.model_validate({"c_u": widths})
    assert SpaceConfig.model_validate(config.model_dump(mode="json")) == config


def test_log_ranges_are_drawn_evenly_over_their_logarithm() -> None:
    rng = random.Random(0)
    whole = Counter(IntRange(low=1, high=100, log=True).sample(rng).bit_length() for _ in range(6000))
    assert 0.7 < whole[1] / whole[5] < 1.4  # 1, and 16 to 31: as long on the scale
    numbers = [FloatRange(low=1e-4, high=1.0, log=True).sample(rng) for _ in range(4000)]
    assert abs(sum(number < 1e-2 for number in numbers) / 4000 - 0.5) < 0.05
    assert all(1e-4 <= number <= 1 for number in numbers)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"c_u": {"low": 0, "high": 4, "log": True}}, "needs low > 0, but got low=0"),
        ({"c_u": {"low": 1, "high": 4, "log": True, "step": 2}}, "takes no step, but got step=2"),
        ({"c_u": {"low": 1, "high": 4, "log": 1}}, "log must be true or false, but got 1"),
        ({"c_u": {"first": 4}}, "needs first and increment, but got"),
        ({"c_u": {"first": 0, "increment": 1}}, "from 1 to 1000000000, but got 0"),
        ({"c_u": {"first": 4, "increment": -1}}, "from 0 to 1000000000, but got -1"),
        ({"dropout": 1.0}, "takes numbers from 0 to less than 1, but got 1.0"),
        ({"dropout": "much"}, "takes a number, .* but got 'much'"),
        (
            {"smoother": "cubic"},
            'takes one of "conv", "linear", "quadratic", "two_step" .* but got \'cubic\'',
        ),
        ({"smoothers": {"two_stepp": {}}}, "there is no smoother 'two_stepp'; did you mean 'two_step'"),
        ({"smoothers": {"two_step": {"omega": 1}}}, "there is no option 'omega' of two_step"),
        (
            {"smoothers": {"two_step": {"weights": "all"}}},
            "two_step.weights must be 'learned' or 'chebyshev'",
        ),
        ({"kernel_b": 7}, "takes one of 1, 3, 5 or a list of them, but got 7"),
        ({"kernel_b": [True]}, "takes one of 1, 3, 5 or a list of them, but got true"),
        ({"groups_b": "all"}, "or \"depthwise\", but got 'all'"),
        ({"groups_b": 0}, "from 1 to 4096, but got 0"),
        ({"family": []}, "needs at least 1 value"),
        ({"max_activation_mib": 0}, "greater than 0"),
        ({"train": {"lr": None}}, "takes a value, a list of them, or a range"),
    ],
)
def test_impossible_domains_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SpaceConfig.model_validate(changes)
