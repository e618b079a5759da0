"""Failures and violated constraints: the feasibility model, and its use by the sampler."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optuna
import pytest

from benchmarks.regions import disc, failing, pruned
from results.hypervolume import hypervolume
from search.frontier.models.feasibility import FeasibilityModel
from search.frontier.optuna.sampler import FrontierSampler
from search.frontier.optuna.trials import note_epoch

TRIED = np.random.default_rng(0).random((80, 3))
ASKED = np.random.default_rng(1).random((400, 3))


def predicted(succeeds: np.ndarray, feasibility: np.ndarray) -> float:
    """Return the share of points of which the chance says rightly what would come of them."""
    return float(((feasibility > 0.5) == succeeds).mean())


def out_of_disc(points: np.ndarray) -> np.ndarray:
    """How far points are out of a disc, of which nothing linear knows."""
    return np.asarray((points[:, 0] - 0.4) ** 2 + (points[:, 2] - 0.6) ** 2 - 0.09)


def test_a_region_is_learned() -> None:
    feasibility = FeasibilityModel(TRIED, out_of_disc(TRIED) <= 0).of(ASKED)
    assert predicted(out_of_disc(ASKED) <= 0, feasibility) > 0.9


def test_values_of_constraints_tell_more_than_whether_they_were_kept() -> None:
    few = TRIED[:25]
    blind = FeasibilityModel(few, out_of_disc(few) <= 0).of(ASKED)
    seeing = FeasibilityModel(few, out_of_disc(few) <= 0, out_of_disc(few)[:, None]).of(ASKED)
    assert predicted(out_of_disc(ASKED) <= 0, seeing) > predicted(out_of_disc(ASKED) <= 0, blind)


def test_where_nothing_kept_its_constraints_chances_rise_towards_where_they_are_kept() -> None:
    outside = TRIED[out_of_disc(TRIED) > 0.1]
    feasibility = FeasibilityModel(outside, out_of_disc(outside) <= 0, out_of_disc(outside)[:, None]).of(
        ASKED
    )
    assert np.corrcoef(feasibility, out_of_disc(ASKED))[0, 1] < -0.5


def test_a_category_that_always_fails_is_learned_from_a_few() -> None:
    others = np.random.default_rng(2).random((18, 8))
    observations = np.hstack([np.eye(3)[np.arange(18) % 3], others])
    feasibility = FeasibilityModel(observations, np.arange(18) % 3 != 1).of(observations)
    assert feasibility[1::3].max() < 0.2 < 0.8 < min(feasibility[0::3].min(), feasibility[2::3].min())


def test_chance_failures_are_no_regions() -> None:
    """Failures independent of the point leave the predicted probability near 0.7, the share of successes.

    Measured over 200 draws (generators 0 to 199): 176 keep both bounds. The others have a spatial pattern by
    chance. Of this draw: 0.61 and 0.83.
    """
    rng = np.random.default_rng(3)
    succeeded = rng.random(200) > 0.3
    probability = FeasibilityModel(rng.random((200, 3)), succeeded).of(ASKED)
    assert np.quantile(probability, 0.05) > 0.5
    assert np.quantile(probability, 0.95) < 0.9


@pytest.mark.parametrize(("count", "expected"), [(0, 1.0), (5, 1.0)])
def test_nothing_failed_means_nothing_will(count: int, expected: float) -> None:
    feasibility = FeasibilityModel(TRIED[:count], np.ones(count, dtype=bool)).of(ASKED)
    assert (feasibility == expected).all()


def test_where_all_failed_the_farthest_is_likeliest() -> None:
    feasibility = FeasibilityModel(TRIED[:12], np.zeros(12, dtype=bool)).of(ASKED)
    nearest = np.sqrt(((ASKED[:, None] - TRIED[None, :12]) ** 2).sum(axis=2)).min(axis=1)
    assert np.corrcoef(feasibility, nearest)[0, 1] > 0.5


# -- in Optuna's studies -----------------------------------------------------------------------------


def pruned_early(trial: optuna.Trial) -> tuple[float, float]:
    x = trial.suggest_float("x", 0, 1)
    if x < 0.3:
        raise optuna.TrialPruned
    return x, 1 - trial.suggest_float("y", 0, 1) * x


def pruned_with_a_word(trial: optuna.Trial) -> tuple[float, float]:
    """What is pruned would have been on the front, for all that it says."""
    x, y = (trial.suggest_float(name, 0, 1) for name in "xy")
    note_epoch(trial, 1, x, 2)
    if x < 0.3:
        raise optuna.TrialPruned
    return x, 1 - y * x


def usable(sampler: optuna.samplers.BaseSampler, objective: object) -> list[list[float]]:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    study.optimize(objective, n_trials=40, catch=(RuntimeError,))  # type: ignore[arg-type]
    return [
        list(trial.values)
        for trial in study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
        if all(value <= 0 for value in trial.constraints.values())
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "share"),
    [(disc, 0.4), (failing, 0.5), (pruned, 0.5), (pruned_early, 0.5), (pruned_with_a_word, 0.5)],
)
def test_most_of_what_is_tried_is_of_use(objective: object, share: float) -> None:
    """Feasible trials of 40, median of three seeds. Random search has 4.5 on ``disc``.

    Measured over 20 seeds: ``disc`` 17 to 26, median 22; the others 19 to 29, medians 22 to 25.
    """
    counts = [len(usable(FrontierSampler(seed=seed), objective)) for seed in range(3)]
    assert sorted(counts)[1] >= share * 40


@pytest.mark.slow
@pytest.mark.parametrize("objective", [disc, failing])
def test_it_finds_more_than_chance_where_much_fails(objective: object) -> None:
    def found(sampler: optuna.samplers.BaseSampler) -> float:
        return hypervolume([p for p in usable(sampler, objective) if max(p) < 1.2], [1.2, 1.2])

    ours = [found(FrontierSampler(seed=seed)) for seed in range(3)]
    feasibility = [found(optuna.samplers.RandomSampler(seed=seed)) for seed in range(3)]
    assert sum(ours) > sum(feasibility) + 0.1


def test_constraints_are_told_apart_by_name_and_may_be_infinite() -> None:
    """Neither the order of constraints nor a value of -inf matters.

    The share of the optimum replaces a count of feasible trials (15 of 40): random search reaches that as
    well, since two fifths of the space are feasible. Measured over 20 seeds: 6 to 22 feasible trials (median
    14.5, 10 seeds with 15 or more); share of the optimum 0.973 to 1.000, 18 seeds above 0.98; random search
    0.29 to 0.91.
    """

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x, y = (trial.suggest_float(name, 0, 1) for name in "xy")
        values = [("far", -math.inf), ("near", x - 0.4)]
        for name, value in values if trial.number % 2 else values[::-1]:
            trial.set_constraint(name, value)
        return 1 - x, 1 - y

    def nearest(sampler: optuna.samplers.BaseSampler) -> float:
        """Return how near the best of what keeps both comes to the best there is, x = 0.4 and y = 1."""
        return max((1 - first) * (1 - second) for first, second in usable(sampler, objective)) / 0.4

    assert nearest(FrontierSampler(seed=0)) > 0.98 > nearest(optuna.samplers.RandomSampler(seed=0))


def test_no_step_of_the_regression_is_no_error() -> None:
    """Like points of which one failed, and corners that nothing linear tells apart."""
    corners = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    for observations, succeeded in ((np.zeros((2, 2)), [True, False]), (corners, [True, True, False, False])):
        assert np.isfinite(FeasibilityModel(observations, np.array(succeeded)).of(ASKED[:, :2])).all()


def test_categories_may_be_anything_in_memory() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        kind = trial.suggest_categorical("kind", [{"a": 1}, {"a": 2}])  # type: ignore[list-item]
        x = trial.suggest_float("x", 0, 1)
        return kind["a"] * x, 1 - x  # type: ignore[index]

    study = optuna.create_study(directions=["minimize"] * 2, sampler=FrontierSampler(seed=0))
    with pytest.warns(UserWarning, match="Choices for a categorical distribution"):
        study.optimize(objective, n_trials=15)
    assert len(study.trials) == 15


def test_costs_have_to_be_as_many_as_the_objectives_besides_the_first() -> None:
    study = optuna.create_study(
        directions=["minimize"] * 2, sampler=FrontierSampler(lambda _params: (1.0, 2.0), seed=0)
    )
    with pytest.raises(ValueError, match="costs must return a value for each objective but the first, 1 of"):
        study.optimize(failing, n_trials=15, catch=(RuntimeError,))


@pytest.mark.parametrize("costs", [{"width": 1.0}, "wide", {1.0}])
def test_costs_have_to_be_numbers(costs: Any) -> None:
    study = optuna.create_study(
        directions=["minimize"] * 2, sampler=FrontierSampler(lambda _params: costs, seed=0)
    )
    with pytest.raises(TypeError, match="costs must return numbers or None, but got"):
        study.optimize(failing, n_trials=15, catch=(RuntimeError,))
