"""Lost, diverged or impossible trials in other studies: the sampler continues."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest

from search.frontier.optuna.sampler import FrontierSampler
from search.frontier.optuna.trials import note_epoch
from tests.search.frontier.optuna.test_other_studies import layers, size_of_layers, study_of


def test_a_worker_that_was_lost_before_the_parameters_were_known_stops_nobody() -> None:
    """Of seed 9 the lost trial was promised a third layer, but not its width: its costs stay unknown."""
    study = study_of(FrontierSampler(size_of_layers, seed=9))
    study.optimize(layers, n_trials=2)
    lost = study.ask()
    assert lost.relative_params
    with pytest.raises(KeyError):
        size_of_layers(lost.relative_params)
    study.optimize(layers, n_trials=20)
    assert len(study.trials) == 23


def test_where_trainings_diverge_at_last_is_learned_although_their_epochs_were_fine() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x, width = trial.suggest_float("x", 0, 1), trial.suggest_int("width", 1, 50)
        for epoch in (1, 2):
            note_epoch(trial, epoch, (2 - 0.4 * epoch) / (1 + x), 3)
        return math.inf if x > 0.5 else 0.8 / (1 + x) + 0.1 / width, width

    sampler = FrontierSampler(lambda params: params["width"], seed=0)
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=40)
    assert sum(trial.params["x"] > 0.6 for trial in study.trials[10:]) <= 12


@pytest.mark.parametrize(("epochs", "loss"), [(10**9, 1.0), (3, 1e200), (3, math.nan)])
def test_steps_without_number_and_losses_without_bounds_do_no_harm(epochs: int, loss: float) -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x, width = trial.suggest_float("x", 0, 1), trial.suggest_int("width", 1, 50)
        for part in (3, 2, 1):
            note_epoch(trial, epochs // part, x, epochs, train_loss=loss if x > 0.5 else x)
        return x, width

    study = optuna.create_study(directions=["minimize", "minimize"], sampler=FrontierSampler(seed=0))
    study.optimize(objective, n_trials=15)
    assert len(study.best_trials) > 0


@pytest.mark.parametrize("epoch", [0, 4, 1.5, "1"])
def test_only_whole_epochs_within_a_training_are_noted(epoch: object) -> None:
    trial = optuna.create_study(directions=["minimize", "minimize"]).ask()
    with pytest.raises((ValueError, TypeError)):
        note_epoch(trial, epoch, 0.5, 3)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:costs gives")  # they are not those of the objective
@pytest.mark.parametrize(
    "costs",
    [
        lambda p: 1 / (p["u0"] - 20),
        lambda p: 10**400 if p["n"] == 3 else p["n"],
        lambda p: math.log(p["u0"] - 20),
    ],
)
def test_costs_that_cannot_be_computed_somewhere_are_unknown_there(costs: Any) -> None:
    study = study_of(FrontierSampler(costs, seed=0))
    with pytest.warns(UserWarning, match="costs fails for .*Error: .* count as unknown there") as told:
        study.optimize(layers, n_trials=14)
    assert len(study.trials) == 14
    assert sum("costs fails" in str(one.message) for one in told) == 1
