"""The reference point of the acquisition function, with known and with learned costs."""

from __future__ import annotations

import numpy as np
import pytest

from search.frontier.acquisition import reference_point
from search.frontier.config import DEFAULTS

LINE = np.linspace(0.0, 1.0, 11)
POINTS = np.vstack([np.column_stack([LINE, 1.0 - LINE]), [[50.0, 80.0]]])
"""A front from 0 to 1 in both directions, and a useless point."""
WORST = np.array([51.0, 81.0])


def test_known_costs_keep_the_worst_values_as_reference() -> None:
    assert reference_point(POINTS, WORST, np.array([True]), number=20) is WORST


def test_a_learned_cost_has_the_nadir_of_the_front_as_reference() -> None:
    expected = 1.0 + DEFAULTS.nadir_margin
    assert reference_point(POINTS, WORST, np.array([False]), number=20) == pytest.approx([expected, expected])


def test_the_known_one_of_two_costs_keeps_its_worst_value() -> None:
    points = np.column_stack([POINTS, np.zeros(len(POINTS))])
    found = reference_point(points, np.array([51.0, 81.0, 7.0]), np.array([False, True]), number=20)
    assert found == pytest.approx([1.0 + DEFAULTS.nadir_margin, 1.0 + DEFAULTS.nadir_margin, 7.0])


def test_a_front_of_few_points_has_no_nadir_yet() -> None:
    few = POINTS[: DEFAULTS.nadir_min_points - 1]
    assert reference_point(few, WORST, np.array([False]), number=20) is WORST


def test_the_reference_is_never_beyond_the_worst_values() -> None:
    assert reference_point(POINTS, np.array([1.1, 1.1]), np.array([False]), number=20) == pytest.approx(
        [1.1, 1.1]
    )


def test_every_third_reference_is_beyond_the_nadir() -> None:
    found = [reference_point(POINTS, WORST, np.array([False]), number) is WORST for number in range(20, 26)]
    assert found == [False, True, False, False, True, False]
