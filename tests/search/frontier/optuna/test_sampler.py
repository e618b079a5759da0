"""The frontier sampler in any Optuna study."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from search.frontier.config import DEFAULTS
from search.frontier.optuna.encoding import near
from search.frontier.optuna.observed_space import ObservedSpace
from search.frontier.optuna.sampler import FrontierSampler
from search.frontier.optuna.trials import note_epoch

Objective = Callable[[optuna.Trial], tuple[float, ...]]


def size_of(params: dict[str, Any]) -> float:
    return float(params["width"] ** 2 * params["depth"])


def toy(trial: optuna.Trial) -> tuple[float, float]:
    """Accuracy that grows with size, and best at one of three activations and a rate of 0.1."""
    width = trial.suggest_int("width", 2, 64, log=True)
    depth = trial.suggest_int("depth", 1, 4)
    rate = trial.suggest_float("rate", 1e-3, 1.0, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    size = float(width**2 * depth)
    accuracy = 0.5 + 0.04 * math.log(size) - 0.02 * (math.log10(rate) + 1) ** 2 + 0.05 * (kind == "b")
    return accuracy, size


def run(objective: Objective, sampler: optuna.samplers.BaseSampler, trials: int) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=trials, catch=(RuntimeError,))
    return study


def covered(study: optuna.Study) -> float:
    """Return how much of the box of accuracy and log size the front dominates."""
    from results.hypervolume import hypervolume

    top = math.log(64**2 * 4)
    points = [(1 - t.values[0], math.log(t.values[1]) / top) for t in study.best_trials]
    return hypervolume(points, (1.0, 1.0))


@pytest.mark.parametrize("costs", [None, size_of])
def test_it_finds_more_than_chance(costs: Any) -> None:
    ours = [covered(run(toy, FrontierSampler(costs, seed=seed), 30)) for seed in range(4)]
    chance = [covered(run(toy, optuna.samplers.RandomSampler(seed=seed), 30)) for seed in range(4)]
    assert sum(ours) > sum(chance) + 0.05
    assert min(ours) > max(chance)  # 24 seeds: least of ours 0.647 (costs known: 0.650), most by chance 0.634


def test_the_same_seed_and_trials_give_the_same_study() -> None:
    first, second = (run(toy, FrontierSampler(size_of, seed=4), 15) for _ in range(2))
    assert [trial.params for trial in first.trials] == [trial.params for trial in second.trials]
    other = run(toy, FrontierSampler(size_of, seed=5), 15)
    assert [trial.params for trial in first.trials] != [trial.params for trial in other.trials]


def test_a_sampler_made_anew_goes_on_as_the_first_would() -> None:
    whole = run(toy, FrontierSampler(size_of, seed=6), 14)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=FrontierSampler(size_of, seed=6))
    study.optimize(toy, n_trials=10)
    study.sampler = FrontierSampler(size_of, seed=6)
    study.optimize(toy, n_trials=4)
    assert [trial.params for trial in whole.trials] == [trial.params for trial in study.trials]


def test_threads_share_a_sampler() -> None:
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=FrontierSampler(size_of, seed=0, num_initial=4)
    )
    study.optimize(toy, n_trials=24, n_jobs=4)
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 24
    chosen = {tuple(sorted(trial.params.items())) for trial in study.trials}
    assert len(chosen) == 24


def test_trials_that_fail_before_all_is_suggested_do_no_harm() -> None:
    def half(trial: optuna.Trial) -> tuple[float, float]:
        if trial.suggest_int("width", 2, 64, log=True) > 30:
            raise RuntimeError("too wide")
        return toy(trial)

    study = run(half, FrontierSampler(size_of, seed=0), 30)
    failed = [trial for trial in study.trials if trial.state == TrialState.FAIL]
    assert failed
    assert all(set(trial.params) == {"width"} for trial in failed if trial.number < 2)
    assert sum(trial.state == TrialState.COMPLETE for trial in study.trials) > 20


def test_one_cost_may_be_known_and_another_measured() -> None:
    def timed(trial: optuna.Trial) -> tuple[float, float, float]:
        accuracy, size = toy(trial)
        return accuracy, size, 1.0 + trial.params["depth"] + size / 1e4

    def costs(params: dict[str, Any]) -> tuple[float, None]:
        return size_of(params), None

    def found(sampler: optuna.samplers.BaseSampler) -> float:
        from results.hypervolume import hypervolume

        study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)
        study.optimize(timed, n_trials=30)
        top = math.log(64**2 * 4)
        points = [(1 - t.values[0], math.log(t.values[1]) / top, t.values[2] / 7) for t in study.best_trials]
        return hypervolume(points, (1.0, 1.0, 1.0))

    ours = [found(FrontierSampler(costs, seed=seed)) for seed in range(3)]
    feasibility = [found(optuna.samplers.RandomSampler(seed=seed)) for seed in range(3)]
    assert min(ours) > max(feasibility)


def test_conditional_parameters_belong_to_their_branch() -> None:
    seen = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        family = trial.suggest_categorical("family", ["plain", "wide"])
        width = trial.suggest_int("width", 2, 16)
        factor = trial.suggest_int("factor", 2, 8) if family == "wide" else 1
        seen.append(trial.params)
        return 0.4 + 0.03 * math.log(width * factor) + 0.02 * (family == "wide"), float(width * factor)

    study = run(objective, FrontierSampler(seed=0), 25)
    assert {"plain", "wide"} == {params["family"] for params in seen}
    assert all(("factor" in trial.params) == (trial.params["family"] == "wide") for trial in study.trials)


def test_pending_trials_are_not_proposed_twice() -> None:
    sampler = FrontierSampler(size_of, seed=1)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(toy, n_trials=10)
    asked = []
    for _ in range(6):
        trial = study.ask()
        toy(trial)
        asked.append(tuple(trial.params.items()))
    assert len(set(asked)) == 6
    sizes = sorted(size_of(dict(params)) for params in asked)
    assert sizes[-1] > 4 * sizes[0]


def test_failures_are_learnt_as_infeasible() -> None:
    observations = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        accuracy, size = toy(trial)
        observations.append(trial.params["kind"])
        if trial.params["kind"] == "b":  # what would be best always fails
            raise RuntimeError("does not train")
        return accuracy, size

    run(objective, FrontierSampler(size_of, seed=0), 40)
    assert observations[20:].count("b") <= 5


def test_broken_constraints_are_learnt_too() -> None:
    observations = []

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        accuracy, size = toy(trial)
        observations.append(trial.params["kind"])
        trial.set_constraint("memory", 1.0 if trial.params["kind"] == "b" else -1.0)
        return accuracy, size

    run(objective, FrontierSampler(size_of, seed=0), 40)
    assert observations[20:].count("b") <= 5


def test_it_learns_from_trials_that_were_pruned() -> None:
    assert (
        sum(proposals_of_the_pruned_kind(seed) for seed in range(4)) >= 20
    )  # of 32; a third would be chance


def proposals_of_the_pruned_kind(seed: int) -> int:
    """Return how many of 8 proposals are of the best kind, of which no trial was finished."""
    sampler = FrontierSampler(size_of, seed=seed)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    for number in range(24):
        trial = study.ask({"width": optuna.distributions.IntDistribution(2, 64, log=True)})
        accuracy, size = toy(trial)
        for epoch in (1, 2):
            note_epoch(trial, epoch, accuracy - 0.2 + 0.05 * epoch, epochs=4)
        if number % 2 or trial.params["kind"] == "b":
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, [accuracy, size])
    asked = []
    for _ in range(8):
        trial = study.ask()
        toy(trial)
        asked.append(trial.params["kind"])
    return asked.count("b")


@pytest.mark.slow
def test_one_objective_is_searched_by_expected_improvement() -> None:
    """Means of 8 seeds after 30 trials, of a function with its minimum of 0 at (0.3, 0.7)."""

    def objective(trial: optuna.Trial) -> float:
        x, y = trial.suggest_float("x", 0.0, 1.0), trial.suggest_float("y", 0.0, 1.0)
        return (x - 0.3) ** 2 + (y - 0.7) ** 2

    def best(sampler: optuna.samplers.BaseSampler) -> float:
        study = optuna.create_study(sampler=sampler)
        study.optimize(objective, n_trials=30)
        return study.best_value

    ours = [best(FrontierSampler(seed=seed)) for seed in range(8)]
    chance = [best(optuna.samplers.RandomSampler(seed=seed)) for seed in range(8)]
    assert np.mean(ours) < 0.1 * np.mean(chance)


def test_three_objectives() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float, float]:
        accuracy, size = toy(trial)
        return accuracy + 0.05 * trial.params["depth"], size, float(trial.params["depth"])

    sampler = FrontierSampler(lambda params: (size_of(params), params["depth"]), seed=2)
    study = optuna.create_study(directions=["maximize", "minimize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=20)
    depths = {trial.params["depth"] for trial in study.best_trials}
    assert {1, 2, 3} <= depths


@pytest.mark.parametrize(
    ("distribution", "value"),
    [
        (optuna.distributions.IntDistribution(0, 10, step=5), 5),
        (optuna.distributions.IntDistribution(1, 1_000, log=True), 1),
        (optuna.distributions.FloatDistribution(0.0, 1.0, step=0.25), 0.5),
        (optuna.distributions.FloatDistribution(1e-4, 1.0, log=True), 1.0),
        (optuna.distributions.CategoricalDistribution(["x", "y"]), "x"),
    ],
)
def test_near_values_are_other_values_of_the_distribution(
    distribution: optuna.distributions.BaseDistribution, value: Any
) -> None:

    rng = random.Random(0)
    for _ in range(30):
        moved = near(distribution, value, rng)
        assert moved != value
        assert distribution._contains(distribution.to_internal_repr(moved))


def test_seen_points_know_what_trials_have_shown() -> None:
    def frozen(params: dict[str, Any]) -> FrozenTrial:
        distributions: dict[str, optuna.distributions.BaseDistribution] = {
            "kind": optuna.distributions.CategoricalDistribution(["x", "y"]),
            "size": optuna.distributions.IntDistribution(1, 9),
        }
        return optuna.trial.create_trial(
            state=TrialState.RUNNING, params=params, distributions={n: distributions[n] for n in params}
        )

    seen = ObservedSpace.of_trials([frozen({"kind": "x"}), frozen({"kind": "y", "size": 3})], lambda _: None)
    assert seen.groups.tolist() == [0, 0, 1, 1]  # one column more says whether "size" is present
    assert set(seen.point({"kind": "x", "size": 4}).params) == {"kind"}
    assert set(seen.point({"kind": "y", "size": 4}).params) == {"kind", "size"}


@pytest.mark.slow
def test_of_points_about_as_good_it_takes_the_most_unlike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Irrelevant rates are spread more evenly than by chance, and than without the rule.

    Measured over 30 seeds: the sum of distances to the nearest earlier point is 1.27 of that by chance
    (deviation of a seed 0.09; 29 seeds above 1.1), and 1.22 (0.11; 28 seeds) of that without the rule.
    """

    def only_width(trial: optuna.Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 4, 64, log=True)
        for rate in "xyz":
            trial.suggest_float(rate, 0.0, 1.0)
        return 0.4 + 0.1 * math.log(width), float(width)

    def distances(rates: list[list[float]]) -> float:
        return sum(min(math.dist(rates[row], other) for other in rates[:row]) for row in range(8, 30))

    def searched(seed: int) -> float:
        study = run(only_width, FrontierSampler(lambda params: params["width"], seed=seed), 30)
        return distances([[trial.params[rate] for rate in "xyz"] for trial in study.trials])

    def by_chance(seed: int) -> float:
        rng = random.Random(seed)
        return distances([[rng.random() for _ in "xyz"] for _ in range(30)])

    unlike = [searched(seed) for seed in range(4)]
    assert all(ours > 1.1 * by_chance(seed) for seed, ours in enumerate(unlike))
    monkeypatch.setattr("search.frontier.engine.DEFAULTS", replace(DEFAULTS, nearly_best=1.0))
    assert sum(unlike) > 1.1 * sum(map(searched, range(4)))
