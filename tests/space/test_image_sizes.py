"""Spaces that search the size of images: counts follow the size of a point."""

from __future__ import annotations

import random
from typing import Any

import pytest

from space.firmware.programs import device_costs
from space.search_space import SearchSpace, SpaceConfig

SIDES = [8, 12, 16]


def make_space(**fields: Any) -> SearchSpace:
    config = {"levels": [1, 2], "nu": [1, 2], "c_u": [[2, 4], [3, 6]], "train": {"image_size": SIDES}}
    return SearchSpace(SpaceConfig.model_validate(config | fields), image_size=(20, 10), counts_device=True)


def test_counts_of_a_point_are_those_of_its_image_size() -> None:
    space, rng = make_space(), random.Random(0)
    seen = set()
    for _ in range(30):
        point = space.sample(rng)
        spec, side = space.spec(point), int(point["train.image_size"])
        counts, costs = space.counts_of(point), device_costs(spec, side)
        assert counts.macs == spec.macs(side)
        assert (counts.flash_bytes, counts.sram_bytes) == costs
        seen.add(side)
    assert seen == set(SIDES)


def test_training_without_a_size_has_the_images_of_the_space() -> None:
    space = make_space()
    spec = space.spec(space.smallest_point())
    assert space.image_size_of({"lr": 0.1}) == (20, 10)
    assert space.counts(spec).macs == spec.macs((20, 10))
    assert space.counts(spec, {"image_size": 8}).macs == spec.macs(8)


def test_range_of_a_cost_covers_all_image_sizes() -> None:
    space = make_space()
    every = [space.cost("sram_kib", space.counts_of(point)) for point in space.points()]
    assert space.cost_extremes("sram_kib") == (min(every), max(every))
    macs = [space.counts_of(point).macs for point in space.points()]
    assert space.macs_extremes == (min(macs), max(macs))


@pytest.mark.parametrize("limit", [0.5, 0.8, 2.0])
def test_limit_of_sram_excludes_large_images_only(limit: float) -> None:
    space = make_space(max_sram_kib=limit)
    expected = [
        p
        for p in space.points()
        if device_costs(space.spec(p), int(p["train.image_size"]))[1] <= 1024 * limit
    ]
    assert list(space.feasible_points()) == expected
    assert [p for p in space.points() if space.is_feasible(p)] == expected


def test_point_is_shrunk_by_its_image_size_too() -> None:
    space = make_space(levels=1, nu=1, c_u=2, share_b="level", max_sram_kib=0.5)
    point = space.shrunk({"train.image_size": 16}, random.Random(0))
    assert point == {"train.image_size": 8}
