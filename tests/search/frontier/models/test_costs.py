"""Measured costs: predictions for untrained networks from trained ones."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.problems import Computed, Shape
from results.front import front_hypervolume
from results.storage.objectives import Objectives
from search.frontier.acquisition import sigma_points
from search.frontier.config import DEFAULTS
from search.frontier.models.costs import CostModels, CostScale, raw_costs
from search.simulator.simulation import simulate

GROUPS = np.arange(3)
SPACE = {
    "levels": 2,
    "nu": [1, 2, 3],
    "c_u": [2, 4, 8, 16],
    "c_f": [2, 4, 8],
    "share_b": ["level", "iteration"],
}


def latency(x: np.ndarray, work: np.ndarray) -> np.ndarray:
    """Most of it is the number of layers, some of it their size."""
    return 0.2 + 0.3 * x[:, 0] + work / 1e6


def points(number: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, work = rng.uniform(size=(number, 3)), 10 ** rng.uniform(4.0, 6.0, number)
    return x, work, rng.uniform(100.0, 10_000.0, number)


def test_exact_costs_stay_as_they_are() -> None:
    x, work, params = points(20, 0)
    models = CostModels(params[:8, None], x[:8], work[:8].tolist(), params[8:, None], GROUPS)
    costs, deviations = models.of(params[8:, None], x[8:], work[8:].tolist())
    assert models.is_exact.all()
    assert deviations is None
    assert costs[:, 0] == pytest.approx(np.log(params[8:]))


def test_a_measured_cost_is_learned_over_hyperparameters_and_work() -> None:
    x, work, params = points(60, 1)
    truth = latency(x, work)
    raw = np.column_stack([params, truth])
    new = np.column_stack([params[40:], np.full(20, np.nan)])
    models = CostModels(raw[:40], x[:40], work[:40].tolist(), new, GROUPS)
    assert models.is_exact.tolist() == [True, False]
    costs, deviations = models.of(new, x[40:], work[40:].tolist())
    expected = models.scale.scaled(raw[40:])
    assert costs[:, 0] == pytest.approx(expected[:, 0])
    assert np.corrcoef(costs[:, 1], expected[:, 1])[0, 1] > 0.95
    assert deviations is not None
    assert (deviations[:, 0] == 0.0).all()
    assert (deviations[:, 1] > 0.0).all()
    # what was measured is no guess any more
    seen, _ = models.of(raw[:40], x[:40], work[:40].tolist())
    assert seen[:, 1] == pytest.approx(models.scale.scaled(raw[:40])[:, 1])


@pytest.mark.parametrize("measured", [0, DEFAULTS.cost_min_observations - 1])
def test_before_enough_was_measured_a_cost_goes_with_the_work(measured: int) -> None:
    x, work, _ = points(12, 2)
    observations = np.full((6, 1), np.nan)
    observations[:measured, 0] = 3e-6 * work[:measured]
    others = np.full((6, 1), np.nan)
    models = CostModels(observations, x[:6], work[:6].tolist(), others, GROUPS)
    costs, _ = models.of(others, x[6:], work[6:].tolist())
    assert np.argsort(costs[:, 0]).tolist() == np.argsort(work[6:]).tolist()


def test_points_without_work_or_costs_are_guessed_from_hyperparameters() -> None:
    x, _, _ = points(30, 3)
    observations = (10.0 + x[:20, :1]) * 1.0
    models = CostModels(observations, x[:20], [None] * 20, raw_costs([None] * 10, 1), GROUPS)
    costs, _ = models.of(raw_costs([None] * 10, 1), x[20:], [None] * 10)
    assert np.corrcoef(costs[:, 0], x[20:, 0])[0, 1] > 0.95


@pytest.mark.slow
def test_a_search_of_three_objectives_finds_more_than_chance() -> None:
    def found(sampler: str, seed: int) -> float:
        problem = Computed("three", SPACE, Shape(0.5, 0.4, 0.7, 0.05, 0.005, 2.0), epochs=9, seed=5)
        costs = ("params", "macs")
        run = simulate(problem, sampler, "fifo", seed=seed, trials=32, costs=costs)
        objectives = Objectives({name: problem.space.cost_range(name) for name in costs})
        return front_hypervolume(run.records, objectives)

    gains = [found("frontier", seed) - found("random", seed) for seed in range(3)]
    assert min(gains) > 0.0


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_guessed_costs_are_integrated_over_exactly_to_the_third_degree(number: int) -> None:
    nodes = sigma_points(number)
    moves, weights = np.array([move for move, _ in nodes]), np.array([weight for _, weight in nodes])
    assert len(nodes) <= 2 * number + 1
    assert (weights > 0).all()
    assert weights.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(weights @ moves, 0.0, atol=1e-12)
    np.testing.assert_allclose(moves.T @ (weights[:, None] * moves), np.eye(number), atol=1e-12)
    np.testing.assert_allclose(weights @ moves**3, 0.0, atol=1e-12)


def test_values_that_only_come_close_to_zero_are_not_seen_over_logarithms() -> None:
    near_zero = np.linspace(0.0, 2.0, 41)[1:, None] ** 1.2 * 0.5
    decades = 10.0 ** np.linspace(-2.0, 2.0, 41)[:, None]
    for costs, is_even in ((near_zero, True), (decades, False)):
        scaled = CostScale(costs, np.array([True])).scaled(costs)
        assert scaled == pytest.approx(costs if is_even else np.log(costs))
        assert CostScale(costs).scaled(costs) == pytest.approx(np.log(costs))
