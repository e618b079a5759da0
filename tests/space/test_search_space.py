"""Search spaces: what a study file may write, sizes, corners, limits and identity."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pydantic import ValidationError

from space import SearchSpace, SpaceConfig

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


def test_range_of_parameters_is_that_of_all_points() -> None:
    space = make_space()
    counts = [space.spec(point).params for point in space.points()]
    assert space.params_range() == (min(counts), max(counts))
    assert space.spec(space.smallest_point()).params == min(counts)


def test_tied_widths() -> None:
    space = make_space(c_f="c_u")
    assert all(level.c_u == level.c_f for point in space.points() for level in space.spec(point).levels)


def test_limits_turn_networks_away() -> None:
    space = make_space(max_params=600, max_macs=20_000)
    smallest, largest = space.params_range()
    assert largest == 600
    for point in space.points():
        spec = space.spec(point)
        reason = space.over_limit(spec)
        assert (reason is None) == (spec.params <= 600 and spec.macs((8, 6)) <= 20_000)
    assert smallest < 600


def test_fixed_knobs_are_not_asked_for() -> None:
    space = make_space(levels=1, nu=2, c_u=4, c_f=4, share_a="level", share_b="level")
    assert space.knobs() == {}
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


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"nu": [0, 1]}, "nu takes whole numbers of at least 1, but got 0"),
        ({"c_u": {"low": 8, "high": 4}}, "low <= high must hold, but got low=8, high=4"),
        ({"c_u": {"low": 8, "high": 12, "step": 0}}, "greater than or equal to 1"),
        ({"c_u": [4, 4]}, "choices must differ"),
        ({"c_u": []}, "at least 1 item"),
        ({"c_u": "wide"}, "c_u takes whole numbers of at least 1, but got 'wide'"),
        ({"c_f": "c_v"}, "c_f takes whole numbers of at least 1, but got 'c_v'"),
        ({"c_u": 4.5}, "valid integer"),
        ({"nu": [[1], [1, 2], [3]]}, "nu needs one domain for all levels or 2, one for each, but got 3"),
        ({"share_a": ["level", "network"]}, 'share_a takes "level" and "iteration", but got \'network\''),
        ({"levels": {"low": 0, "high": 2}}, "levels takes whole numbers of at least 1, but got 0"),
        ({"widths": 3}, "Extra inputs"),
        ({"max_params": 0}, "greater than 0"),
    ],
)
def test_impossible_spaces_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        SpaceConfig.model_validate(SMALL | changes)
