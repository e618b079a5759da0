"""The Pareto front of points against all pairs, and the knee against its definition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.pareto import is_nondominated, knee_point
from space.core.errors import InvalidInputError

VALUE = st.integers(0, 4).map(float) | st.sampled_from([math.inf, -math.inf, math.nan])
Rows = list[tuple[float, ...]]


@st.composite
def rows(draw: st.DrawFn, value: st.SearchStrategy[float] = VALUE, max_size: int = 12) -> Rows:
    num_objectives = draw(st.integers(1, 5))
    return draw(st.lists(st.tuples(*[value] * num_objectives), min_size=1, max_size=max_size))


def dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def by_pairs(points: Rows) -> list[bool]:
    """Every point with every other; comparisons with NaN are false."""
    known = [not any(map(math.isnan, point)) for point in points]
    others = [point for point, is_known in zip(points, known, strict=True) if is_known]
    return [
        is_known and not any(dominates(other, point) for other in others)
        for point, is_known in zip(points, known, strict=True)
    ]


@given(points=rows())
def test_front_equals_that_of_all_pairs(points: Rows) -> None:
    assert is_nondominated(points, keep_duplicates=True).tolist() == by_pairs(points)


@given(points=rows())
def test_of_equal_points_the_first_is_on_the_front(points: Rows) -> None:
    expected = [
        is_on_front and point not in points[:place]
        for place, (point, is_on_front) in enumerate(zip(points, by_pairs(points), strict=True))
    ]
    assert is_nondominated(points).tolist() == expected


@given(points=rows(), seed=st.integers(0, 99))
def test_order_does_not_change_the_front(points: Rows, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(points))
    shuffled = [points[place] for place in order]
    front = is_nondominated(points, keep_duplicates=True)
    assert is_nondominated(shuffled, keep_duplicates=True).tolist() == front[order].tolist()


def test_missing_values_of_frames_are_nan() -> None:
    frame = pd.DataFrame({"params": pd.array([1, None, 3], dtype="Int64"), "error": [0.5, 0.1, 0.2]})
    assert is_nondominated(frame).tolist() == [True, False, True]
    assert is_nondominated(frame.iloc[:0]).tolist() == []
    assert is_nondominated([]).tolist() == []


@pytest.mark.parametrize(
    "points", [[1.0, 2.0], [[[1.0]]], [("a", "b")], [(1,), (1, 2)], np.ones((2, 32)), 3.0]
)
def test_what_is_no_table_of_numbers_is_refused(points: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"points (must|need)"):
        is_nondominated(points)


def distance_below_chord(points: Rows) -> list[float]:
    """The distance of each scaled point below the chord of a front of two objectives."""
    scaled = np.array(points)
    scaled = (scaled - scaled.min(axis=0)) / np.ptp(scaled, axis=0)
    left, right = scaled[scaled[:, 0].argmin()], scaled[scaled[:, 0].argmax()]
    (x, y), (dx, dy) = (scaled - left).T, right - left
    return list((dy * x - dx * y) / math.hypot(dx, dy))


@given(
    xs=st.lists(st.integers(0, 50), min_size=3, max_size=9, unique=True),
    ys=st.lists(st.integers(0, 50), min_size=9, max_size=9, unique=True),
)
def test_knee_is_farthest_below_the_chord(xs: list[int], ys: list[int]) -> None:
    points = [(float(x), float(y)) for x, y in zip(sorted(xs), sorted(ys, reverse=True), strict=False)]
    below = distance_below_chord(points)
    knee = knee_point(points)
    if knee is None:
        assert max(below) < 1e-8
    else:
        assert below[knee] == pytest.approx(max(below))
        assert below[knee] > 0


@given(points=rows(st.integers(0, 9).map(float)), scale=st.sampled_from([0.5, 4.0, 1024.0]))
def test_knee_does_not_depend_on_units(points: Rows, scale: float) -> None:
    assert knee_point(np.array(points) * scale) == knee_point(points)


@pytest.mark.parametrize(
    "points",
    [
        [],
        [(0.0, 1.0), (1.0, 0.0)],
        [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)],
        [(0.0, 1.0), (0.8, 0.8), (1.0, 0.0)],
        [(0.0, 1.0), (0.2, 0.2), (0.2, 0.2)],
    ],
)
def test_few_points_lines_and_convex_fronts_have_no_knee(points: Rows) -> None:
    assert knee_point(points) is None


def test_knee_ignores_what_is_unknown_infinite_or_dominated() -> None:
    points = [(math.nan, 0.0), (-math.inf, 2.0), (0.0, 1.0), (0.5, 0.5), (0.2, 0.2), (1.0, 0.0)]
    assert knee_point(points) == 4


def test_knee_of_three_objectives_has_the_lowest_sum() -> None:
    assert knee_point([(0, 1, 1), (1, 0, 1), (1, 1, 0), (0.2, 0.3, 0.2), (0.3, 0.1, 0.6)]) == 3
