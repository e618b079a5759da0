"""Hypervolume against inclusion-exclusion, for two to four objectives."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.hypervolume import hypervolume

COORDINATE = st.floats(0, 1.2, allow_nan=False).map(lambda value: round(value, 3))


def by_inclusion_exclusion(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    """The volume of a union of boxes: add all boxes, take off the overlaps of two, add those of three, ..."""
    total = 0.0
    for size in range(1, len(points) + 1):
        for group in itertools.combinations(points, size):
            corner = [max(values) for values in zip(*group, strict=True)]
            sides = [max(0.0, bound - value) for value, bound in zip(corner, reference, strict=True)]
            total += (-1) ** (size + 1) * math.prod(sides)
    return total


@given(data=st.data(), num_objectives=st.integers(2, 4))
def test_equals_inclusion_exclusion(data: st.DataObject, num_objectives: int) -> None:
    point = st.tuples(*[COORDINATE] * num_objectives)
    points = data.draw(st.lists(point, max_size=6))
    reference = (1.0,) * num_objectives
    assert hypervolume(points, reference) == pytest.approx(
        by_inclusion_exclusion(points, reference), abs=1e-9
    )


def test_known_staircase() -> None:
    assert hypervolume([(1, 3), (2, 2), (3, 1)], (4, 4)) == 6


@pytest.mark.parametrize("points", [[(0.5,)], [(0.1, 0.2, 0.3)], [(math.nan, 0.1)]])
def test_points_of_another_kind_are_refused(points: list[tuple[float, ...]]) -> None:
    with pytest.raises(ValueError, match="points need 2 numbers"):
        hypervolume(points, (1.0, 1.0))
