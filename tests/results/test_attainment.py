"""Attainment surfaces against their definition: the minimal points that enough fronts attain."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.attainment import attainment_surfaces
from space.core.errors import InvalidInputError

Front = list[tuple[float, ...]]


@st.composite
def repeats(draw: st.DrawFn) -> list[Front]:
    num_objectives = draw(st.integers(2, 3))
    point = st.tuples(*[st.integers(0, 4).map(float)] * num_objectives)
    return draw(st.lists(st.lists(point, min_size=1, max_size=4), min_size=1, max_size=5))


def by_definition(fronts: list[Front], count: int) -> set[tuple[float, ...]]:
    """All corners of the grid of coordinates that ``count`` fronts attain, without dominated ones."""
    axes = [sorted(set(values)) for values in zip(*itertools.chain(*fronts), strict=True)]

    def is_below(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        return all(a <= b for a, b in zip(one, other, strict=True))

    attained = [
        corner
        for corner in itertools.product(*axes)
        if sum(any(is_below(point, corner) for point in front) for front in fronts) >= count
    ]
    return {
        corner
        for corner in attained
        if not any(other != corner and is_below(other, corner) for other in attained)
    }


@given(fronts=repeats(), level=st.sampled_from([0.01, 0.25, 1 / 3, 0.5, 0.6, 0.75, 1.0]))
def test_surface_is_that_of_the_definition(fronts: list[Front], level: float) -> None:
    (surface,) = attainment_surfaces(fronts, [level]).values()
    assert len({tuple(point) for point in surface}) == len(surface)
    assert {tuple(point) for point in surface} == by_definition(fronts, math.ceil(level * len(fronts) - 1e-9))


@given(fronts=repeats())
def test_order_of_fronts_and_points_does_not_matter(fronts: list[Front]) -> None:
    surfaces = attainment_surfaces(fronts)
    turned = attainment_surfaces([[*front[::-1], front[0]] for front in fronts[::-1]])
    assert all(np.array_equal(surfaces[level], turned[level]) for level in surfaces)


def test_surface_of_one_front_is_the_front() -> None:
    frame = pd.DataFrame({"error": [0.3, 0.1, 0.4], "params": [1, 2, 3]})
    for surface in attainment_surfaces([frame]).values():
        assert surface.tolist() == [[0.1, 2.0], [0.3, 1.0]]


def test_an_empty_front_attains_nothing() -> None:
    surfaces = attainment_surfaces([[(1, 2)], [], [(1, 3)]], levels=[1 / 3, 2 / 3, 1.0])
    assert [surface.tolist() for surface in surfaces.values()] == [[[1.0, 2.0]], [[1.0, 3.0]], []]
    assert [len(surface) for surface in attainment_surfaces([[], []]).values()] == [0, 0, 0]


@pytest.mark.parametrize(
    ("fronts", "levels", "says"),
    [
        ([], [0.5], "need one or more fronts"),
        ([[(1, 2)], [(1, 2, 3)]], [0.5], "of two or of three objectives, but got [2, 3]"),
        ([[(1,)]], [0.5], "of two or of three objectives, but got [1]"),
        ([[(1, 2, 3, 4)]], [0.5], "of two or of three objectives, but got [4]"),
        ([[(1, math.nan)]], [0.5], "need finite values, but got [1.0, nan]"),
        ([[(1, math.inf)]], [0.5], "need finite values, but got [1.0, inf]"),
        ([[(1, 2)]], [0.0], "a level is a share of the fronts, above 0 and at most 1, but got 0.0"),
        ([[(1, 2)]], [50], "but got 50"),
        ([[(1, 2)]], [math.nan], "but got nan"),
    ],
)
def test_what_has_no_surface_is_refused(fronts: Any, levels: list[float], says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        attainment_surfaces(fronts, levels)
    assert says in str(caught.value)
