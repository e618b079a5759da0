"""Intervals of shares: known values, and how often they hold the truth."""

from __future__ import annotations

import math

import pytest

from results.intervals import wilson


@pytest.mark.parametrize(
    ("share", "count", "expected"),
    [
        (0.0, 10, (0.0, 0.2775)),
        (1.0, 10, (0.7225, 1.0)),
        (0.5, 10, (0.2366, 0.7634)),
        (81 / 263, 263, (0.2553, 0.3662)),
    ],
)
def test_intervals_are_those_of_newcombe(share: float, count: int, expected: tuple[float, float]) -> None:
    """As in Newcombe 1998, "Two-sided confidence intervals for the single proportion", method 3."""
    assert wilson(share, count) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("truth", [0.02, 0.1, 0.5, 0.93])
def test_they_hold_the_truth_in_about_95_of_100_cases(truth: float) -> None:
    count = 60
    covered = 0.0
    for found in range(count + 1):
        low, high = wilson(found / count, count)
        chance = math.comb(count, found) * truth**found * (1 - truth) ** (count - found)
        covered += chance * (low <= truth <= high)
    assert 0.91 < covered < 0.99
