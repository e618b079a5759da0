"""Intervals of proportions: known values and coverage."""

from __future__ import annotations

import math

import pytest
from scipy.stats import binomtest

from results.intervals import Sampling, equal_places, wilson


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


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (3, 7), (352, 360), (9_321, 10_000)])
def test_intervals_are_those_of_scipy(right: int, count: int) -> None:
    expected = binomtest(right, count).proportion_ci(0.95, method="wilson")
    assert wilson(right / count, count) == pytest.approx(tuple(expected), abs=1e-9)


@pytest.mark.parametrize("truth", [0.02, 0.1, 0.5, 0.93])
def test_they_hold_the_truth_in_about_95_of_100_cases(truth: float) -> None:
    count = 60
    covered = 0.0
    for found in range(count + 1):
        low, high = wilson(found / count, count)
        chance = math.comb(count, found) * truth**found * (1 - truth) ** (count - found)
        covered += chance * (low <= truth <= high)
    assert 0.91 < covered < 0.99


def test_networks_that_differ_by_one_image_are_equal() -> None:
    for num_images in (10, 434, 10_000):
        sampling = Sampling(num_images)
        for right in (num_images, num_images - 1, num_images // 2):
            assert sampling.are_equal(right / num_images, (right - 1) / num_images)
    assert not Sampling(10_000).are_equal(1.0, 0.9998)


def test_networks_that_differ_by_more_than_a_standard_error_are_not_equal() -> None:
    sampling = Sampling(10_000)
    assert sampling.error(0.9) == pytest.approx(0.003)
    assert sampling.are_equal(0.897, 0.9)
    assert not sampling.are_equal(0.8969, 0.9)
    assert equal_places([0.5, 0.897, 0.9], sampling) == [[], [2], [1]]


def test_without_a_number_of_images_only_equal_accuracies_are_equal() -> None:
    assert equal_places([0.9, 0.9, 0.90001], Sampling()) == [[1], [0], []]
    assert Sampling().interval(0.9) is None


def test_chance_is_told_from_what_was_learned() -> None:
    sampling = Sampling(100, chance=0.1)
    assert not sampling.is_above_chance(0.15)
    assert sampling.is_above_chance(0.2)
