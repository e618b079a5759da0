"""Hypervolume against inclusion-exclusion, for one to four objectives, and its laws."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.hypervolume import hypervolume
from space.core.errors import InvalidInputError

COORDINATE = st.floats(0, 1.2, allow_nan=False).map(lambda value: round(value, 3))


def points_of(num_objectives: int, max_size: int = 6) -> st.SearchStrategy[list[tuple[float, ...]]]:
    return st.lists(st.tuples(*[COORDINATE] * num_objectives), max_size=max_size)


def by_inclusion_exclusion(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    """The volume of a union of boxes: add all boxes, take off the overlaps of two, add those of three, ..."""
    total = 0.0
    for size in range(1, len(points) + 1):
        for group in itertools.combinations(points, size):
            corner = [max(values) for values in zip(*group, strict=True)]
            sides = [max(0.0, bound - value) for value, bound in zip(corner, reference, strict=True)]
            total += (-1) ** (size + 1) * math.prod(sides)
    return total


@given(data=st.data(), num_objectives=st.integers(1, 4))
def test_equals_inclusion_exclusion(data: st.DataObject, num_objectives: int) -> None:
    points = data.draw(points_of(num_objectives))
    reference = (1.0,) * num_objectives
    assert hypervolume(points, reference) == pytest.approx(
        by_inclusion_exclusion(points, reference), abs=1e-9
    )


@given(data=st.data(), num_objectives=st.integers(1, 6), seed=st.integers(0, 99))
def test_order_and_duplicates_do_not_matter(data: st.DataObject, num_objectives: int, seed: int) -> None:
    points = data.draw(points_of(num_objectives, max_size=12))
    again = [*points, *points[:3]]
    random.Random(seed).shuffle(again)
    reference = (1.0,) * num_objectives
    assert hypervolume(again, reference) == pytest.approx(hypervolume(points, reference), abs=1e-12)


@given(data=st.data(), num_objectives=st.integers(1, 5))
def test_another_point_never_reduces_it(data: st.DataObject, num_objectives: int) -> None:
    points = data.draw(points_of(num_objectives, max_size=12))
    reference = (1.0,) * num_objectives
    assert hypervolume(points, reference) >= hypervolume(points[1:], reference) - 1e-12


def test_known_staircase() -> None:
    assert hypervolume([(1, 3), (2, 2), (3, 1)], (4, 4)) == 6


def test_arrays_frames_and_iterators_are_the_same() -> None:
    rows = [(1.0, 3.0), (2.0, 2.0)]
    frame = pd.DataFrame(rows, columns=["error", "params"]).astype({"params": "Int64"})
    for points in (np.array(rows), frame, iter(rows), np.array(rows, dtype=np.float32)):
        assert hypervolume(points, np.array([4, 4])) == 5


@pytest.mark.parametrize(
    ("points", "reference", "volume"),
    [
        ([], (1, 1), 0.0),
        ([(math.inf, 0.1)], (1, 1), 0.0),
        ([(-math.inf, 0.1)], (1, 1), math.inf),
        ([(0.1, 0.1)], (math.inf, 1), math.inf),
        ([(0.1, 2.0)], (math.inf, 1), 0.0),
        ([(1.0, 0.1)], (1, 1), 0.0),
        ([(0.25,), (0.5,)], (1,), 0.75),
    ],
)
def test_infinities_and_edges(points: Any, reference: tuple[float, ...], volume: float) -> None:
    assert hypervolume(points, reference) == volume


@pytest.mark.parametrize(
    "points", [[(0.5,)], [(0.1, 0.2, 0.3)], [(math.nan, 0.1)], [(0.1, 0.2), (0.3,)], [("a", 1)]]
)
def test_points_of_another_kind_are_refused(points: Any) -> None:
    with pytest.raises(InvalidInputError, match="points need 2 numbers"):
        hypervolume(points, (1.0, 1.0))


@pytest.mark.parametrize("reference", [(), (1.0, math.nan), ((1.0, 1.0),)])
def test_references_of_another_kind_are_refused(reference: Any) -> None:
    with pytest.raises(InvalidInputError, match="the reference needs one number for each objective"):
        hypervolume([(0.1, 0.2)], reference)
