"""Expected hypervolume improvement against simulation with the exact hypervolume of ``results``."""

from __future__ import annotations

import numpy as np
import pytest

from results.hypervolume import hypervolume
from search.frontier.hypervolume_improvement import Front, expected_improvement, nondominated


def simulated(
    front: np.ndarray, reference: np.ndarray, costs: np.ndarray, mean: float, deviation: float
) -> float:
    rng = np.random.default_rng(0)
    before = hypervolume(front.tolist(), reference.tolist())
    grown = []
    for place in (np.arange(2_000) + rng.uniform()) / 2_000:
        from statistics import NormalDist

        error = NormalDist(mean, deviation).inv_cdf(min(max(place, 1e-9), 1 - 1e-9))
        grown.append(hypervolume([*front.tolist(), [error, *costs]], reference.tolist()) - before)
    return float(np.mean(grown))


@pytest.mark.parametrize("num_costs", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_growth_is_that_of_the_exact_hypervolume(num_costs: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    front = rng.uniform(
        0.1, 1.1, size=(8 if num_costs < 3 else 4, 1 + num_costs)
    )  # some beyond the reference
    reference = np.ones(1 + num_costs)
    candidates = rng.uniform(0.0, 1.1, size=(5, num_costs))
    mean, deviation = rng.uniform(0.1, 0.9, 5), rng.uniform(0.01, 0.3, 5)
    improvement = Front(front[:, 0], front[:, 1:], reference).expected_hypervolume_improvement(
        candidates, mean, deviation
    )
    for row in range(5 if num_costs < 3 else 2):
        expected = simulated(front, reference, candidates[row], float(mean[row]), float(deviation[row]))
        assert improvement[row] == pytest.approx(expected, abs=2e-3, rel=0.02)


def test_an_empty_front_leaves_all_to_be_gained() -> None:
    front = Front(np.zeros(0), np.zeros((0, 1)), np.array([1.0, 1.0]))
    improvement = front.expected_hypervolume_improvement(
        np.array([[0.25]]), np.array([0.5]), np.array([1e-9])
    )
    assert improvement[0] == pytest.approx(0.75 * 0.5)


def test_what_is_surely_dominated_promises_nothing() -> None:
    front = Front(np.array([0.2]), np.array([[0.2]]), np.array([1.0, 1.0]))
    improvement = front.expected_hypervolume_improvement(
        np.array([[0.5], [1.5]]), np.array([0.9, 0.0]), np.array([0.01, 0.01])
    )
    assert improvement == pytest.approx([0.0, 0.0], abs=1e-12)


def test_expected_improvement_of_a_sure_thing_is_its_improvement() -> None:
    gain = expected_improvement(np.array([0.5]), np.array([0.3]), np.array([1e-9]))
    assert gain == pytest.approx([0.2])


@pytest.mark.parametrize("columns", [2, 3])
def test_nondominated_keeps_what_no_other_row_beats(columns: int) -> None:
    rng = np.random.default_rng(1)
    points = rng.integers(0, 6, size=(40, columns)).astype(float)
    kept = nondominated(points)
    for row, point in enumerate(points):
        better = (points <= point).all(axis=1) & (points < point).any(axis=1)
        equal_before = (points[:row] == point).all(axis=1)
        assert kept[row] == (not better.any() and not equal_before.any())
