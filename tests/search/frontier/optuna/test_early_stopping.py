"""Early stopping in Optuna studies: with several objectives, of known and unknown costs, and with one objective."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

import mgnas
from mgnas.optuna import EarlyStopping, FrontierSampler
from search.frontier.optuna.trials import CURVE, STOPPED

EPOCHS = 9
TOP = 64**2 * 4


def size_of(params: dict[str, Any]) -> float:
    return float(params["width"] ** 2 * params["depth"])


def curve(params: dict[str, Any], epoch: int) -> float:
    """Accuracy that grows with epochs and size; far from a rate of 0.1 and a decay of 0.01 it is lost."""
    miss = (math.log10(params["rate"]) + 1) ** 2 + (math.log10(params["decay"]) + 2) ** 2
    return (0.1 + 0.08 * math.log(size_of(params)) * math.exp(-miss)) * (1 - 0.5**epoch)


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    return {
        "width": trial.suggest_int("width", 2, 64, log=True),
        "depth": trial.suggest_int("depth", 1, 4),
        "rate": trial.suggest_float("rate", 1e-3, 1.0, log=True),
        "decay": trial.suggest_float("decay", 1e-4, 1.0, log=True),
    }


def objective(stopping: EarlyStopping | None, *, tells: bool = False) -> Callable[[optuna.Trial], Any]:
    """Return an objective of accuracy and size that may be stopped; ``tells`` returns the result so far."""

    def train(trial: optuna.Trial) -> Any:
        params, value = suggest(trial), 0.0
        for epoch in range(1, EPOCHS + 1):
            value = curve(params, epoch)
            if stopping is not None and stopping.report(trial, epoch, value):
                if tells:
                    return stopping.result(trial)
                raise optuna.TrialPruned
        return value, size_of(params)

    return train


def run(
    sampler: optuna.samplers.BaseSampler, stopping: EarlyStopping | None, trials: int = 40, **options: Any
) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(objective(stopping, **options), n_trials=trials)
    return study


def epochs_of(study: optuna.Study) -> int:
    return sum(max(map(int, trial.user_attrs[CURVE]["values"])) for trial in study.trials)


def covered(study: optuna.Study) -> float:
    points = [(1 - t.values[0], math.log(t.values[1]) / math.log(TOP)) for t in study.best_trials]
    return mgnas.hypervolume(points, (1.0, 1.0))


def after_epochs(study: optuna.Study, budget: int) -> float:
    """Return the hypervolume of the trials that a budget of epochs pays for."""
    part, spent = optuna.create_study(directions=["maximize", "minimize"]), 0
    for trial in study.trials:
        spent += max(map(int, trial.user_attrs[CURVE]["values"]))
        if spent > budget:
            break
        if trial.state == TrialState.COMPLETE:
            part.add_trial(trial)
    return covered(part)


@pytest.mark.parametrize("costs", [size_of, None])
def test_it_saves_epochs_and_finds_more_with_the_same_budget(costs: Any) -> None:
    never = EarlyStopping(EPOCHS, costs=costs, first_rung=EPOCHS)
    gains = []
    for seed in range(4):
        full = run(optuna.samplers.RandomSampler(seed), never, 30)
        raced = run(optuna.samplers.RandomSampler(seed), EarlyStopping(EPOCHS, costs=costs), 90)
        assert epochs_of(full) == 30 * EPOCHS
        assert epochs_of(raced) < 60 * EPOCHS
        gains.append(after_epochs(raced, 200) - after_epochs(full, 200))
    assert sum(gains) > 0


def test_small_networks_are_not_stopped_by_large_ones() -> None:
    study = run(optuna.samplers.RandomSampler(0), EarlyStopping(EPOCHS, costs=size_of), 90)
    whole = [size_of(t.params) for t in study.trials if t.state == TrialState.COMPLETE]
    stopped = [size_of(t.params) for t in study.trials if t.state == TrialState.PRUNED]
    assert len(whole) >= 5
    assert len(stopped) >= 30
    assert min(whole) < 100
    assert max(stopped) > 1_000
    assert abs(sum(map(math.log, whole)) / len(whole) - sum(map(math.log, stopped)) / len(stopped)) < 1.5


def test_costs_that_are_unknown_are_learned_from_complete_trials() -> None:
    study = run(optuna.samplers.RandomSampler(0), EarlyStopping(EPOCHS), 60)
    states = [trial.state for trial in study.trials]
    assert states[:8] == [TrialState.COMPLETE] * 8
    assert states.count(TrialState.PRUNED) >= 15
    assert min(size_of(t.params) for t in study.trials if t.state == TrialState.COMPLETE) < 100


def test_rungs_are_counted_back_from_the_last_epoch() -> None:
    assert EarlyStopping(27).rungs == (1, 3, 9, 27)
    assert EarlyStopping(100, reduction=4, first_rung=5).rungs == (6, 25, 100)


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_study_with_one_objective_stops_the_worse_two_thirds(direction: str) -> None:
    sign = 1.0 if direction == "maximize" else -1.0
    stopping, ended = EarlyStopping(EPOCHS), {}
    study = optuna.create_study(direction=direction)
    running = [study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}) for _ in range(9)]
    for trial in running:
        ended[trial.number] = stopping.report(trial, 1, sign * trial.number)
    assert not any(ended.values())  # the first two have too few rivals, each later one is the best so far
    late = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    assert stopping.report(late, 1, sign * 6.5) is False
    later = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    assert stopping.report(later, 1, sign * 5.5) is True
    assert study.trials[0].intermediate_values == {1: 0.0}


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_value_that_is_not_finite_is_behind_all_others(value: float) -> None:
    stopping = EarlyStopping(EPOCHS)
    study = optuna.create_study(direction="maximize")
    for number in range(5):
        stopping.report(study.ask(), 1, float(number))
    assert stopping.report(study.ask(), 1, value) is True


def test_last_epoch_and_epochs_between_rungs_never_stop() -> None:
    stopping = EarlyStopping(EPOCHS, costs=size_of)
    study = run(optuna.samplers.RandomSampler(0), stopping, 30)
    for trial in study.trials:
        last = max(map(int, trial.user_attrs[CURVE]["values"]))
        assert last in stopping.rungs
        assert (trial.state == TrialState.PRUNED) == (last < EPOCHS)


def test_rung_counts_with_the_first_report_after_it() -> None:
    stopping = EarlyStopping(EPOCHS)  # rungs 1, 3, 9
    study = optuna.create_study(direction="maximize")
    for number in range(6):
        assert not stopping.report(study.ask(), 4, float(number))
    assert stopping.report(study.ask(), 4, -1.0)
    trial = study.ask()
    assert not stopping.report(trial, 4, 9.0)
    assert not stopping.report(trial, 5, -9.0)  # the rung is behind it


def test_results_so_far_are_told_to_samplers_of_optuna_and_count_as_pruned_for_ours() -> None:
    stopping = EarlyStopping(EPOCHS, costs=size_of)
    study = run(optuna.samplers.NSGAIISampler(seed=0, population_size=10), stopping, 60, tells=True)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    ended = [trial for trial in study.trials if STOPPED in trial.user_attrs]
    assert len(ended) >= 15
    for trial in ended:
        epoch = trial.user_attrs[STOPPED]
        assert trial.values == [curve(trial.params, epoch), size_of(trial.params)]
    study.sampler = FrontierSampler(size_of, seed=0)
    reader = study.sampler._reader
    space = study.sampler._observed_space(study, study.trials, {})
    assert space is not None
    states = [one.state for one in reader.observations(study, study.trials, space)]
    assert states.count("pruned") == len(ended)
    assert states.count("complete") == 60 - len(ended)


def test_result_needs_a_report_and_known_costs() -> None:
    study = optuna.create_study(directions=["maximize", "minimize"])
    trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
    with pytest.raises(ValueError, match="has reported no epoch"):
        EarlyStopping(EPOCHS).result(trial)
    EarlyStopping(EPOCHS).report(trial, 1, 0.5)
    with pytest.raises(ValueError, match="needs costs for all objectives but the first"):
        EarlyStopping(EPOCHS).result(trial)
    assert EarlyStopping(EPOCHS, costs=lambda params: params["x"]).result(trial) == (0.5, trial.params["x"])


@pytest.mark.parametrize("bad", [{"epochs": 0}, {"reduction": 1}, {"first_rung": 0}])
def test_impossible_rungs_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be at least"):
        EarlyStopping(**({"epochs": 9} | bad))


@pytest.mark.parametrize("epoch", [0, 10])
def test_epoch_outside_the_training_is_refused(epoch: int) -> None:
    study = optuna.create_study()
    with pytest.raises(ValueError, match="1 <= epoch <= epochs"):
        EarlyStopping(EPOCHS).report(study.ask(), epoch, 0.5)


def test_threads_share_a_study() -> None:
    stopping = EarlyStopping(EPOCHS, costs=size_of)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=FrontierSampler(size_of, seed=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.optimize(objective(stopping), n_trials=24, n_jobs=3)
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.PRUNED) >= 4
    assert set(states) == {TrialState.COMPLETE, TrialState.PRUNED}


def _work(url: str, seed: int) -> None:
    study = optuna.load_study(study_name="shared", storage=url, sampler=FrontierSampler(size_of, seed=seed))
    study.optimize(objective(EarlyStopping(EPOCHS, costs=size_of)), n_trials=12)


@pytest.mark.slow
def test_processes_share_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    optuna.create_study(study_name="shared", storage=url, directions=["maximize", "minimize"])
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(_work, [url] * 2, range(2)))
    study = optuna.load_study(study_name="shared", storage=url)
    states = [trial.state for trial in study.trials]
    assert len(states) == 24
    assert states.count(TrialState.PRUNED) >= 4
    assert set(states) == {TrialState.COMPLETE, TrialState.PRUNED}


def bowl(trial: optuna.Trial) -> float:
    """Return a value of at most 1, that of a point at 0.3."""
    return 1 - sum((trial.suggest_float(f"x{i}", 0, 1) - 0.3) ** 2 for i in range(4))


@pytest.mark.parametrize("how", ["EarlyStopping", "Optuna's pruner"])
def test_sampler_learns_from_pruned_trials_of_one_objective(how: str) -> None:
    stopping = EarlyStopping(EPOCHS)

    def train(trial: optuna.Trial) -> float:
        top = bowl(trial)
        for epoch in range(1, EPOCHS + 1):
            value = top * (1 - 0.5 / epoch)
            if how == "EarlyStopping":
                is_over = stopping.report(trial, epoch, value)
            else:
                trial.report(value, epoch - 1)
                is_over = trial.should_prune()
            if is_over:
                raise optuna.TrialPruned
        return top * (1 - 0.5 / EPOCHS)

    best = 1 - 0.5 / EPOCHS
    for seed in range(3):
        pruner = optuna.pruners.SuccessiveHalvingPruner()
        study = optuna.create_study(direction="maximize", sampler=FrontierSampler(seed=seed), pruner=pruner)
        study.optimize(train, n_trials=40)
        assert sum(trial.state == TrialState.PRUNED for trial in study.trials) > 5
        assert study.best_value > 0.99 * best


def next_proposal(scale: float, costs: Any) -> dict[str, Any]:
    """Return the parameters of a trial after others, of which the values of pruned ones are scaled."""
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=FrontierSampler(costs, seed=0))
    for number in range(14):
        trial = study.ask(
            {
                "width": optuna.distributions.IntDistribution(4, 64),
                "rate": optuna.distributions.FloatDistribution(0, 1),
            }
        )
        width, rate = trial.params["width"], trial.params["rate"]
        value = (1 - 1 / width) * (1 - abs(rate - 0.5))
        is_pruned = number % 2 == 1
        mgnas.note_epoch(trial, 1, value * (scale if is_pruned else 1.0) / 2, 2)
        if is_pruned:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, (value, float(width)))
    asked = study.ask()
    return {
        "width": asked.suggest_int("width", 4, 64),
        "rate": asked.suggest_float("rate", 0, 1),
    }


@pytest.mark.parametrize("costs", [None, lambda params: params["width"]])
def test_curves_of_pruned_trials_change_the_proposal(costs: Any) -> None:
    assert next_proposal(1.0, costs) == next_proposal(1.0, costs)
    assert next_proposal(1.0, costs) != next_proposal(0.3, costs)


def test_fixed_trial_always_goes_on() -> None:
    trial = optuna.trial.FixedTrial({"width": 8, "depth": 1, "rate": 0.1, "decay": 0.01})
    assert objective(EarlyStopping(EPOCHS, costs=size_of))(trial)[1] == 64


def test_misspelt_parameter_in_costs_is_warned_of() -> None:
    stopping = EarlyStopping(EPOCHS, costs=lambda params: params["widht"])
    with pytest.warns(UserWarning, match="costs needs the parameter 'widht'") as said:
        run(optuna.samplers.RandomSampler(0), stopping, 12)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("epoch", "value", "says"),
    [("1", 0.1, "epoch must be an integer, but got '1'"), (1, None, "value must be a number, but got None")],
)
def test_wrong_report_names_its_argument(epoch: Any, value: Any, says: str) -> None:
    study = optuna.create_study()
    with pytest.raises(TypeError, match=says):
        EarlyStopping(EPOCHS).report(study.ask(), epoch, value)
