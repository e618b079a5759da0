"""The statistics of certifications: against exact figures, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.certification import statistics
from results.certification.statistics import CertificationConfig
from tests.support.profiles import examples

LABELS = np.arange(200) % 4


def drawn(accuracy: float, num_seeds: int, rng: np.random.Generator, spread: float = 0.0) -> np.ndarray:
    """Trainings that are right on each image with one probability, which differs by seed."""
    shares = np.clip(accuracy + spread * rng.standard_normal(num_seeds), 0, 1)
    return rng.random((num_seeds, len(LABELS))) < shares[:, None]


def test_accuracies_are_shares_of_images_or_means_over_classes() -> None:
    right = np.zeros((1, 200), dtype=bool)
    right[0, LABELS == 0] = True
    right[0, :2] = True
    assert statistics.accuracies(right, LABELS).tolist() == [51 / 200]
    assert statistics.accuracies(right, LABELS, is_balanced=True).tolist() == pytest.approx(
        [(1 + 1 / 50) / 4]
    )


def test_interval_covers_the_true_accuracy_in_about_95_of_100_certifications() -> None:
    rng, truth, covered = np.random.default_rng(1), (0.7, 0.9, 0.97), 0
    config = CertificationConfig(num_draws=400)
    for _ in range(100):
        right = [drawn(accuracy, 3, rng, 0.01) for accuracy in truth]
        draws = statistics.accuracy_draws(right, LABELS, config=config)
        for column, accuracy in enumerate(truth):
            low, high = statistics.interval(draws[:, column])
            covered += low <= accuracy <= high
    assert 0.90 <= covered / 300 <= 1.0  # seeds share no images here, so intervals are rather wide


def test_interval_is_not_empty_when_all_images_are_right() -> None:
    draws = statistics.accuracy_draws([np.ones((3, 200), dtype=bool)], LABELS)
    low, high = statistics.interval(draws[:, 0])
    assert 0.96 < low < 0.999
    assert high <= 1


def test_more_images_and_more_seeds_narrow_the_interval() -> None:
    rng = np.random.default_rng(2)

    def width(num_seeds: int, num_images: int) -> float:
        shares = 0.8 + 0.03 * np.linspace(-1, 1, num_seeds)
        right = rng.random((num_seeds, num_images)) < shares[:, None]
        low, high = statistics.interval(
            statistics.accuracy_draws([right], np.zeros(num_images, dtype=int))[:, 0]
        )
        return high - low

    assert width(20, 2000) < width(20, 100)
    assert width(40, 2000) < width(3, 2000)


def test_seed_deviations_shrink_towards_the_pooled_ratio() -> None:
    values = [np.array([0.90, 0.90, 0.90]), np.array([0.86, 0.90, 0.94])]
    deviations, freedom = statistics.seed_deviations(values, 1000)
    assert freedom.tolist() == [6.0, 6.0]
    assert 0 < deviations[0] < deviations[1] < np.std(values[1], ddof=1)


def test_seed_deviations_of_a_single_network_are_its_own() -> None:
    deviations, freedom = statistics.seed_deviations([np.array([0.8, 0.9])], 1000)
    assert deviations == pytest.approx(np.std([0.8, 0.9], ddof=1))
    assert freedom.tolist() == [1.0]


def test_seed_deviations_of_single_trainings_are_zero() -> None:
    assert statistics.seed_deviations([np.array([0.8]), np.array([0.9])], 1000)[0].tolist() == [0.0, 0.0]


def test_differences_of_networks_are_paired_by_image() -> None:
    """Two networks that are right on the same images but for 4 differ surely, although their intervals overlap."""
    rng = np.random.default_rng(3)
    right = rng.random(200) < 0.8
    wrong = np.flatnonzero(right)[:8]
    worse = right.copy()
    worse[wrong] = False
    draws = statistics.accuracy_draws([right[None], worse[None]], LABELS)
    assert statistics.interval(draws[:, 1])[1] > statistics.interval(draws[:, 0])[0]
    assert (draws[:, 0] > draws[:, 1]).mean() > 0.99


def test_front_probabilities_of_certain_accuracies_are_the_front() -> None:
    draws = np.tile([0.5, 0.7, 0.6, 0.9], (10, 1))
    costs = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 0.5]])
    assert statistics.front_probabilities(draws, costs).tolist() == [1.0, 1.0, 0.0, 1.0]


@given(st.integers(2, 6), st.integers(1, 3), st.integers(0, 1000))
@examples(200, deadline=None)
def test_front_probabilities_equal_those_of_each_draw(networks: int, num_costs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    draws, costs = rng.random((20, networks)), rng.integers(0, 4, (networks, num_costs)).astype(float)
    expected = np.zeros(networks)
    for row in draws:
        for m in range(networks):
            is_dominated = any(
                n != m and row[n] >= row[m] and (costs[n] <= costs[m]).all() for n in range(networks)
            )
            expected[m] += not is_dominated
    assert statistics.front_probabilities(draws, costs) == pytest.approx(expected / 20)


def test_calibration_error_is_the_gap_of_confidence_and_accuracy() -> None:
    right = np.array([True] * 6 + [False] * 4)
    assert statistics.expected_calibration_error(right, np.full(10, 0.9)) == pytest.approx(0.3)
    confidences = np.where(right, 1.0, 0.05)
    assert statistics.expected_calibration_error(right, confidences) == pytest.approx(0.4 * 0.05)


def test_confusion_matrix_counts_true_classes_in_rows() -> None:
    confusion = statistics.confusion_matrix(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)
    assert confusion.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0]]
    assert statistics.class_recalls(confusion) == (0.5, 1.0, None)


def test_draws_are_equal_for_equal_results() -> None:
    right = [drawn(0.8, 3, np.random.default_rng(4))]
    first, second = (statistics.accuracy_draws(right, LABELS) for _ in range(2))
    assert (first == second).all()


def test_draws_of_balanced_accuracies_weigh_classes_equally() -> None:
    labels = np.array([0] * 180 + [1] * 20)
    right = (labels == 1)[None]
    assert statistics.accuracy_draws([right], labels).mean() == pytest.approx(0.1, abs=0.02)
    assert statistics.accuracy_draws([right], labels, is_balanced=True).mean() == pytest.approx(0.5, abs=0.02)
