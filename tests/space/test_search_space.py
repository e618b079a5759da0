"""Search spaces: syntax of a study file, sizes, corners, limits and identity."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.networks.mgnet import Level, MgNetSpec
from space.search_space import Point, SearchSpace
from tests.support.profiles import examples

SMALL: dict[str, Any] = {
    "levels": [1, 2],
    "nu": {"low": 1, "high": 2},
    "c_u": [[3, 5], [2, 4, 8]],
    "c_f": {"low": 2, "high": 6, "step": 2},
    "share_a": ["level", "iteration"],
    "share_b": "iteration",
}


def make_space(**changes: Any) -> SearchSpace:
    config = SpaceConfig.model_validate(SMALL | changes)
    return SearchSpace(config, in_channels=1, num_classes=4, image_size=(8, 6))


def domains(at_most: int) -> st.SearchStrategy[Any]:
    numbers = st.integers(1, at_most)
    ranges = st.builds(
        lambda low, size, step: {"low": low, "high": low + size, "step": step},
        numbers, st.integers(0, 2), st.integers(1, 2),
    )  # fmt: skip
    return numbers | st.lists(numbers, min_size=1, max_size=3, unique=True) | ranges


SHARING = st.sampled_from(["level", "iteration", ["level", "iteration"], ["iteration", "level"]])


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """Changes to SMALL that lead to spaces of at most a few thousand points."""
    depth = draw(st.integers(1, 2))
    hyperparameters: dict[str, Any] = {"levels": draw(st.sampled_from([depth, list(range(depth, 0, -1))]))}
    for hyperparameter, at_most in (("nu", 3), ("c_u", 9), ("c_f", 9)):
        one = domains(at_most)
        hyperparameters[hyperparameter] = draw(
            one | st.lists(one.filter(lambda d: isinstance(d, (list, dict))), min_size=depth, max_size=depth)
        )
    if draw(st.booleans()):
        hyperparameters["c_f"] = "c_u"
    return hyperparameters | {"share_a": draw(SHARING), "share_b": draw(SHARING)}


def test_size_is_the_number_of_points() -> None:
    space = make_space()
    points = list(space.points())
    assert space.size() == len(points) == 2 * 2 * 3 * 2 + 2 * (2 * 2 * 3) * (2 * 3 * 3)
    assert len({tuple(sorted(point.items())) for point in points}) == len(points)


def test_points_lead_to_specs_of_the_space() -> None:
    space = make_space()
    for point in space.points():
        spec = space.spec(point)
        assert len(spec.levels) == point["levels"]
        assert "nu_2" in point or len(spec.levels) == 1
        assert spec == spec.canonical()
        assert [level.c_u for level in spec.levels] == [
            point[f"c_u_{i + 1}"] for i in range(len(spec.levels))
        ]


def test_samples_are_points() -> None:
    space = make_space()
    points = {tuple(sorted(point.items())) for point in space.points()}
    rng = random.Random(0)
    samples = {tuple(sorted(space.sample(rng).items())) for _ in range(500)}
    assert samples <= points
    assert len(samples) > 100


@examples(40)
@given(config=configs())
def test_range_of_parameters_is_that_of_all_points(config: dict[str, Any]) -> None:
    space = make_space(**config)
    counts = [space.spec(point).params for point in space.points()]
    assert space.params_range() == (min(counts), max(counts))
    assert space.spec(space.smallest_point()).params == min(counts)


def brute_force(space: SearchSpace) -> list[Point]:
    return [point for point in space.points() if is_within(space, point)]


def is_within(space: SearchSpace, point: Point) -> bool:
    """Say whether a point's network is within the limits on parameters and on MACs at 8 x 6 pixels."""
    spec, config = space.spec(point), space.config
    return (config.max_params is None or spec.params <= config.max_params) and (
        config.max_macs is None or spec.macs((8, 6)) <= config.max_macs
    )


@examples(60)
@given(config=configs(), params=st.floats(0, 1) | st.none(), macs=st.floats(0, 1) | st.none())
def test_feasible_points_are_those_within_the_limits(
    config: dict[str, Any], params: float | None, macs: float | None
) -> None:
    """Limits are anywhere from just below the smallest network to the largest, on a scale of logarithms."""
    space = make_space(**config)
    specs = [space.spec(point) for point in space.points()]
    for key, share, counts in (
        ("max_params", params, [spec.params for spec in specs]),
        ("max_macs", macs, [spec.macs((8, 6)) for spec in specs]),
    ):
        if share is not None:
            low, high = min(counts) - 1, max(counts)
            config[key] = round(low * (high / low) ** share)
    space = make_space(**config)
    expected = brute_force(space)
    assert list(space.feasible_points()) == expected
    if expected:
        space.check_feasible()
    else:
        with pytest.raises(InvalidInputError, match=r"space\.max_"):
            space.check_feasible()


def demonstration(**limits: int) -> SearchSpace:
    """The space of the preset ``digits``."""
    width, both = {"low": 2, "high": 12}, ["level", "iteration"]
    config = {"c_u": width, "c_f": width, "share_a": both, "share_b": both} | limits
    return CountingSpace(SpaceConfig.model_validate(config), in_channels=1, num_classes=10, image_size=8)


class CountingSpace(SearchSpace):
    """Counts the specs that are made: what an enumeration costs, on any machine."""

    num_specs = 0

    def spec(self, point: Point) -> MgNetSpec:
        self.num_specs += 1
        return super().spec(point)


def test_few_feasible_points_in_a_large_space_are_found_without_walking_it() -> None:
    space = demonstration(max_params=300)
    assert space.size() > 500_000
    points = list(space.feasible_points())
    assert space.num_specs < 100
    assert len(points) == 6
    assert all(space.spec(point).params <= 300 for point in points)


def test_points_come_in_one_order() -> None:
    hyperparameters: dict[str, Any] = {"levels": [2, 1], "nu": 1, "c_u": [5, 3], "c_f": "c_u"}
    hyperparameters["share_b"] = ["iteration", "level"]
    widths = [(1, 3), (1, 5), (2, 3, 3), (2, 3, 5), (2, 5, 3), (2, 5, 5)]
    sharings = itertools.product(["level", "iteration"], repeat=2)
    expected = [width + sharing for width, sharing in itertools.product(widths, list(sharings))]
    for space in (make_space(**hyperparameters), make_space(**hyperparameters, max_params=10**6)):
        assert [tuple(point.values()) for point in space.points()] == expected
        assert [tuple(point.values()) for point in space.feasible_points()] == expected


@pytest.mark.timeout(60)
def test_a_huge_space_is_no_trouble() -> None:
    wide = {"low": 1, "high": 10**9}
    hyperparameters: dict[str, Any] = {"nu": {"low": 1, "high": 100}, "c_u": wide, "c_f": wide}
    space = make_space(levels=[1, 32], **hyperparameters, max_params=100)
    assert space.size() > 10**600
    assert space.params_range() == (9 + 2 + 18 + 4 + 8, 100)
    small = {"nu": {"low": 1, "high": 40}, "c_u": {"low": 1, "high": 9}, "c_f": {"low": 1, "high": 9}}
    few = make_space(levels=1, **small, max_params=100)
    expected = [few.spec(point) for point in brute_force(few)]
    assert [space.spec(point) for point in space.feasible_points()] == expected
    assert next(space.points())["c_u_1"] == 1
    space.check_feasible()
    assert make_space(c_u=wide).sample(random.Random(0))["c_u_1"] in range(1, 10**9 + 1)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (
            {"max_params": 100},
            "space.max_params = 100, but the smallest network of this space has 292 parameters",
        ),
        (
            {"max_macs": 999},
            "space.max_macs = 999, but the smallest network of this space has 10964 MACs on images of 8 x 8",
        ),
    ],
)
def test_limits_below_the_smallest_network_are_refused(limits: dict[str, int], says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        demonstration(**limits).check_feasible()
    assert str(caught.value) == says


def test_limits_that_no_network_meets_together_are_refused() -> None:
    """With 40 classes a narrow second level saves parameters, but takes MACs."""
    hyperparameters: dict[str, Any] = {"levels": [1, 2], "nu": 1, "c_u": [[4], [1]], "c_f": 1}
    specs = [Level(nu=1, c_u=4, c_f=1)], [Level(nu=1, c_u=4, c_f=1), Level(nu=1, c_u=1, c_f=1)]
    one, two = (MgNetSpec(levels=tuple(levels), in_channels=1, num_classes=40) for levels in specs)
    limits = {"max_params": two.params, "max_macs": one.macs((8, 6))}
    assert one.params > two.params
    config = SpaceConfig.model_validate(hyperparameters | limits)
    space = SearchSpace(config, in_channels=1, num_classes=40, image_size=(8, 6))
    with pytest.raises(InvalidInputError, match="no network of this space is within both"):
        space.check_feasible()
    assert list(space.feasible_points()) == []


def test_tied_widths() -> None:
    space = make_space(c_f="c_u")
    assert all(level.c_u == level.c_f for point in space.points() for level in space.spec(point).levels)


def test_limits_turn_networks_away() -> None:
    space = make_space(max_params=600, max_macs=20_000)
    smallest, largest = space.params_range()
    assert largest == 600
    for point in space.points():
        spec = space.spec(point)
        assert space.is_feasible(point) == (spec.params <= 600 and spec.macs((8, 6)) <= 20_000)
    assert smallest < 600


def test_fixed_hyperparameters_are_not_asked_for() -> None:
    space = make_space(levels=1, nu=2, c_u=4, c_f=4, share_a="level", share_b="level")
    assert space.hyperparameters() == {}
    assert space.size() == 1
    assert space.spec({}).notation == "MgNet[2]-4-B^l"


def test_config_round_trip() -> None:
    config = SpaceConfig.model_validate(SMALL)
    assert SpaceConfig.model_validate(config.model_dump(mode="json")) == config
    assert SpaceConfig.model_validate(SpaceConfig().model_dump(mode="json")) == SpaceConfig()


def test_hash_tells_spaces_apart() -> None:
    hashes = {
        make_space().hash,
        make_space(nu=2).hash,
        make_space(max_params=10_000).hash,
        SearchSpace(SpaceConfig.model_validate(SMALL), in_channels=3, num_classes=4, image_size=(8, 6)).hash,
    }
    assert len(hashes) == 4
    assert make_space().hash == make_space().hash


def test_hashes_have_not_changed() -> None:
    """Studies keep them: with another hash, all that there are could not be continued."""
    assert make_space().hash == "5712cef6f1b1"
    assert SearchSpace(SpaceConfig(), image_size=32).hash == "81fd82f2c86c"


def test_defaults_that_are_spelt_out_are_no_other_space() -> None:
    spelt = SpaceConfig().model_dump(mode="json")
    assert spelt["nu"] == {"low": 1, "high": 3, "step": 1}
    space = SearchSpace(SpaceConfig.model_validate(spelt), image_size=(32, 32))
    assert space.hash == SearchSpace(SpaceConfig(), image_size=32).hash


def test_a_key_added_later_leaves_hashes_alone() -> None:
    class LaterConfig(SpaceConfig):
        smoother: str = "plain"
        max_latency_ms: float | None = None

    later = SearchSpace(LaterConfig.model_validate(SMALL), in_channels=1, num_classes=4, image_size=(8, 6))
    assert later.hash == make_space().hash
    assert SearchSpace(LaterConfig(smoother="polynomial")).hash != SearchSpace(SpaceConfig()).hash


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"nu": [0, 1]}, "takes whole numbers from 1 to 1000, but got 0"),
        ({"c_u": {"low": 8, "high": 4}}, "low <= high must hold, but got low=8, high=4"),
        ({"c_u": {"low": 8, "high": 12, "step": 0}}, "step must be at least 1, but got 0"),
        ({"c_u": [4, 4]}, "choices must differ"),
        ({"c_u": []}, "needs at least 1 value"),
        ({"c_u": "wide"}, "takes a whole number, .* but got 'wide'"),
        ({"c_f": "c_v"}, "takes a whole number, .* or \"c_u\", but got 'c_v'"),
        ({"c_u": 4.5}, "takes a whole number, .* but got 4.5"),
        ({"nu": [[1], [1, 2], [3]]}, "nu needs one domain for all levels or 2, one for each, but got 3"),
        (
            {"share_a": ["level", "net"]},
            'takes one of "network", "level", "iteration" or a list of them, but got \'net\'',
        ),
        ({"levels": {"low": 0, "high": 2}}, "takes whole numbers from 1 to 32, but got 0"),
        ({"widths": 3}, "Extra inputs"),
        ({"max_params": 0}, "greater than 0"),
    ],
)
def test_impossible_spaces_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SpaceConfig.model_validate(SMALL | changes)


@pytest.mark.parametrize("size", [0, -4, 1.5, (32, -1), (8, 8, 8), "8", None])
def test_images_that_cannot_be_are_refused(size: Any) -> None:
    with pytest.raises(InvalidInputError, match="an image's size must be a whole number of at least 1"):
        MgNetSpec(levels=(Level(nu=1, c_u=4, c_f=4),)).counts(size)
    with pytest.raises(InvalidInputError, match="an image's size"):
        SearchSpace(SpaceConfig.model_validate(SMALL), image_size=size)


@pytest.mark.parametrize("name", ["in_channels", "num_classes", "batch_size"])
def test_a_space_needs_channels_classes_and_batches(name: str) -> None:
    with pytest.raises(InvalidInputError, match=f"{name} must be a whole number of at least 1, but got 0"):
        SearchSpace(SpaceConfig.model_validate(SMALL), **{name: 0})
