"""Leave-one-out validation of models, and searches of spaces mostly at chance level."""

from __future__ import annotations

import numpy as np
import optuna

from benchmarks.regions import chance_level
from results.hypervolume import hypervolume
from search.frontier.config import DEFAULTS
from search.frontier.models.gaussian_process import GaussianProcess, Inputs
from search.frontier.models.leave_one_out import error_model, leave_one_out
from search.frontier.optuna.sampler import FrontierSampler

GROUPS = np.arange(3)
RNG = np.random.default_rng(0)
POINTS = Inputs(RNG.random((30, 3)), RNG.random((30, 1)))
NONE = np.zeros(30)


def test_a_line_is_foretold_and_noise_is_not() -> None:
    line = leave_one_out(GaussianProcess(POINTS, 0.5 - 0.3 * POINTS.costs[:, 0], NONE, GROUPS))
    assert 0.95 < line.explained <= 1.0
    noise = leave_one_out(GaussianProcess(POINTS, RNG.normal(size=30), NONE, GROUPS))
    assert noise.explained < DEFAULTS.min_explained_variance


def test_guesses_that_are_unsure_hardly_count() -> None:
    """Half of the values are a line, half of them are anything, but known to be that."""
    is_guess = np.arange(30) % 2 == 1
    errors = np.where(is_guess, RNG.normal(size=30), 0.5 - 0.3 * POINTS.costs[:, 0])
    assert (
        leave_one_out(GaussianProcess(POINTS, errors, np.where(is_guess, 1.0, 0.0), GROUPS)).explained > 0.8
    )
    assert (
        leave_one_out(GaussianProcess(POINTS, errors, NONE, GROUPS)).explained
        < DEFAULTS.min_explained_variance
    )


def test_where_most_are_the_same_and_a_few_are_worse_nothing_is_known() -> None:
    errors = np.where(POINTS.x[:, 0] > 0.8, 0.95, 0.9)
    assert 0 < (errors > 0.9).sum() < 10
    assert error_model(POINTS, errors, NONE, GROUPS).validation.is_poor


def test_where_all_are_the_same_nothing_is_known() -> None:
    assert (
        error_model(POINTS, np.full(30, 0.9), NONE, GROUPS).validation.explained
        < DEFAULTS.min_explained_variance
    )


def test_what_is_not_at_chance_level_is_found() -> None:
    """Nine tenths of the space are: a search by the model alone found nothing else in most studies."""

    def found(sampler: optuna.samplers.BaseSampler) -> float:
        study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
        study.optimize(chance_level, n_trials=50)
        return hypervolume([tuple(trial.values) for trial in study.trials], (0.9, 1.0))

    ours = [found(FrontierSampler(seed=seed)) for seed in range(4)]
    feasibility = [found(optuna.samplers.RandomSampler(seed=seed)) for seed in range(4)]
    assert sum(ours) > sum(feasibility)


def test_a_poor_model_of_a_few_trials_is_no_reason_to_explore_unless_they_are_all_alike() -> None:
    few = Inputs(POINTS.x[:9], POINTS.costs[:9])
    differing = error_model(few, np.random.default_rng(2).normal(size=9), NONE[:9], GROUPS).validation
    assert differing.explained < DEFAULTS.min_explained_variance
    assert not differing.is_poor
    alike = error_model(few, np.array([0.9] * 8 + [0.4]), NONE[:9], GROUPS).validation
    assert alike.is_poor
    many = error_model(POINTS, np.random.default_rng(2).normal(size=30), NONE, GROUPS).validation
    assert many.is_poor
