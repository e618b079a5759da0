"""The frontier sampler in other kinds of Optuna studies."""

from __future__ import annotations

import copy
import math
import pickle
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from search.frontier.optuna.conditional import learn_condition, names_at
from search.frontier.optuna.early_stopping import EarlyStopping
from search.frontier.optuna.sampler import FrontierSampler
from search.frontier.optuna.trials import POINT, note_epoch

DIRECTIONS = ["maximize", "minimize"]


def study_of(sampler: FrontierSampler, **more: Any) -> optuna.Study:
    return optuna.create_study(directions=DIRECTIONS, sampler=sampler, **more)


def layers(trial: optuna.Trial) -> tuple[float, float]:
    """As many widths as there are layers: Optuna's usual example of a conditional space."""
    num = trial.suggest_int("n", 1, 3)
    size = sum(trial.suggest_int(f"u{layer}", 4, 64, log=True) for layer in range(num))
    return 1.0 - 1.0 / (1.0 + 0.05 * size * (1.0 + 0.1 * num)), float(size)


def size_of_layers(params: dict[str, Any]) -> float:
    return float(sum(params[f"u{layer}"] for layer in range(params["n"])))


@pytest.mark.parametrize("costs", [None, size_of_layers])
def test_a_number_may_decide_what_else_there_is(costs: Any) -> None:
    study = study_of(FrontierSampler(costs, seed=0))
    study.optimize(layers, n_trials=40)
    counted = Counter(trial.params["n"] for trial in study.trials)
    assert set(counted) == {1, 2, 3}
    distinct = {tuple(sorted(trial.params.items())) for trial in study.trials}
    assert len(distinct) >= 36  # but for the first ones, which no rule is known for


def test_rules_are_learned_and_chance_is_not() -> None:
    distributions = {
        "n": IntDistribution(1, 9),
        "kind": CategoricalDistribution(["x", "y", "z"]),
        "rate": FloatDistribution(0.0, 1.0),
        **{name: IntDistribution(1, 9) for name in ("a", "b", "old", "new")},
    }

    def rule(*rows: dict[str, Any], pruned: int = 0) -> Any:
        states = [TrialState.COMPLETE] * (len(rows) - pruned) + [TrialState.PRUNED] * pruned
        return learn_condition(
            [
                create_trial(
                    state=state,
                    params=row,
                    distributions={name: distributions[name] for name in row},
                    values=[0.0, 0.0] if state == TrialState.COMPLETE else None,
                )
                for row, state in zip(rows, states, strict=True)
            ]
        )

    everything = {"n": 4, "kind": "x", "rate": 0.3, "a": 1, "b": 1, "old": 1, "new": 1}
    by_number = rule({"n": 1}, {"n": 3, "a": 1}, {"n": 7, "a": 1, "b": 2}, {"n": 2})
    assert [set(names_at(everything | {"n": n}, by_number)) for n in (1, 3, 8)] == [
        {"n"},
        {"n", "a"},
        {"n", "a", "b"},
    ]
    nested = rule({"kind": "x"}, {"kind": "y", "n": 2}, {"kind": "y", "n": 8, "a": 3}, {"kind": "x"})
    found = [
        names_at(everything | {"kind": kind, "n": n}, nested) for kind, n in (("x", 9), ("y", 9), ("y", 1))
    ]
    assert found == [{"kind"}, {"kind", "n", "a"}, {"kind", "n"}]
    assert names_at(everything | {"kind": "z"}, nested) == {"kind"}  # not seen: as the latest
    rates = [0.1, 0.9, 0.2, 0.8, 0.3, 0.7]
    of_two_programs = rule(
        *({"rate": rate, "old": 1} for rate in rates), *({"rate": rate + 0.05, "new": 1} for rate in rates)
    )
    assert of_two_programs == {"rate", "new"}
    cut_short = rule({"n": 1, "a": 1}, {"n": 2, "a": 2}, {"n": 3}, pruned=1)
    assert cut_short == {"n", "a"}
    always_cut = rule({"kind": "x", "n": 1}, {"kind": "y", "a": 1}, pruned=1)
    assert names_at(everything | {"kind": "y"}, always_cut) == {"kind", "a"}


@pytest.mark.filterwarnings("ignore:costs gives")  # they are not those of the objective
def test_a_trial_that_was_pruned_early_costs_no_parameter() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 2, 64)
        if trial.number == 6:
            raise optuna.TrialPruned
        return math.log(width) * trial.suggest_int("depth", 1, 4), float(width)

    study = study_of(FrontierSampler(lambda params: params["width"] * params["depth"] / 2, seed=0))
    study.optimize(objective, n_trials=20)
    later = [trial.system_attrs["mgnas:point"] for trial in study.trials[8:]]
    assert all(set(point) == {"width", "depth"} for point in later)


def test_trials_of_an_older_program_do_not_stay_in_the_way() -> None:
    study = study_of(FrontierSampler(seed=0))

    def old(trial: optuna.Trial) -> tuple[float, float]:
        return trial.suggest_float("width", 0.0, 1.0), trial.suggest_float("zlr", 0.0, 1.0)

    def new(trial: optuna.Trial) -> tuple[float, float]:
        return trial.suggest_float("width", 0.0, 1.0), trial.suggest_float("alr", 0.0, 1.0)

    study.optimize(old, n_trials=6)
    study.optimize(new, n_trials=20)
    assert set(study.trials[-1].system_attrs["mgnas:point"]) == {"width", "alr"}


@pytest.mark.parametrize("bad", [math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("which", ["measured", "counted"])
def test_costs_that_are_not_finite_do_no_harm(bad: float, which: str) -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 2, 64)
        return math.log(width), bad if trial.number in (3, 12) else float(width)

    costs = None if which == "measured" else lambda params: bad if params["width"] > 40 else params["width"]
    study = study_of(FrontierSampler(costs, seed=0))
    study.optimize(objective, n_trials=20)
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)


@pytest.mark.filterwarnings("ignore:costs gives")  # they are not those of the objective
@pytest.mark.parametrize("kind", [np.int64, np.float32, lambda value: np.array(value), lambda _: None])
def test_costs_may_be_any_number_or_nothing(kind: Any) -> None:
    study = study_of(FrontierSampler(lambda params: kind(params["u0"]), seed=0))
    study.optimize(layers, n_trials=12)
    assert len(study.trials) == 12


def test_an_error_in_costs_is_told_and_leaves_no_trial_running() -> None:
    def costs(params: dict[str, Any]) -> float:
        return {1: 1.0}[params["n"] + 9]

    study = study_of(FrontierSampler(costs, seed=0))
    with pytest.raises(KeyError, match="1"):
        study.optimize(layers, n_trials=12)
    assert TrialState.RUNNING not in [trial.state for trial in study.trials]


def test_costs_that_differ_from_the_objective_are_warned_of_once() -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 2, 64)
        return -math.log(width), -float(width)

    study = optuna.create_study(
        directions=["minimize", "maximize"], sampler=FrontierSampler(lambda params: params["width"], seed=0)
    )
    with pytest.warns(UserWarning, match=r"values\[1\] is -.*; costs must have the sign and unit") as said:
        study.optimize(objective, n_trials=12)
    assert len([one for one in said if "costs gives" in str(one.message)]) == 1
    assert len(study.trials) == 12


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: FrontierSampler(0), "costs must be a function of the parameters of a trial, but got 0"),  # type: ignore[arg-type]
        (lambda: FrontierSampler(seed="a"), "seed must be an integer, but got 'a'"),  # type: ignore[arg-type]
        (lambda: FrontierSampler(num_initial=2.5), "num_initial must be an integer, but got 2.5"),  # type: ignore[arg-type]
        (lambda: FrontierSampler(num_initial=0), "num_initial must be at least 1, but got 0"),
        (lambda: EarlyStopping(9.0), "epochs must be an integer, but got 9.0"),  # type: ignore[arg-type]
        (lambda: EarlyStopping(9, costs=3), "costs must be a function"),  # type: ignore[arg-type]
        (lambda: EarlyStopping(9, first_rung=0), "first_rung must be at least 1, but got 0"),
        (lambda: EarlyStopping(9, reduction=1), "reduction must be at least 2, but got 1"),
    ],
)
def test_a_wrong_argument_is_named_at_once(make: Callable[[], object], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=re.escape(says)):
        make()


def test_costs_of_a_study_with_one_objective_are_refused_by_a_sentence() -> None:
    study = optuna.create_study(sampler=FrontierSampler(lambda params: params["x"], seed=0))
    with pytest.raises(ValueError, match="the study has one objective and thus no costs"):
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=3)


def test_a_slip_in_costs_is_warned_of_once() -> None:
    study = study_of(FrontierSampler(lambda params: params["m"], seed=0))
    with pytest.warns(UserWarning, match="costs needs the parameter 'm', which trial 0 does not") as said:
        study.optimize(layers, n_trials=12)
    assert len([one for one in said if "costs needs" in str(one.message)]) == 1


@pytest.mark.slow
def test_threads_do_not_propose_the_same(tmp_path: Path) -> None:
    study = study_of(FrontierSampler(size_of_layers, seed=1), storage=f"sqlite:///{tmp_path / 'study.db'}")

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width, depth = trial.suggest_int("width", 1, 40), trial.suggest_int("depth", 1, 40)
        return float(width * depth) ** 0.5, float(width + depth)

    study.sampler = FrontierSampler(lambda params: params["width"] + params["depth"], seed=1)
    study.optimize(objective, n_trials=40, n_jobs=8)
    points = [
        trial.system_attrs["mgnas:point"] for trial in study.trials if "mgnas:point" in trial.system_attrs
    ]
    assert len(points) > 25
    assert len({tuple(sorted(point.items())) for point in points}) == len(points)


def test_numbers_of_numpy_are_noted_in_databases(tmp_path: Path) -> None:
    study = study_of(FrontierSampler(seed=0), storage=f"sqlite:///{tmp_path / 'study.db'}")

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        values = layers(trial)
        for epoch in np.arange(1, 3):
            note_epoch(trial, epoch, np.float32(values[0]), np.int64(2), train_loss=np.float32(1.0))  # type: ignore[arg-type]
        return values

    study.optimize(objective, n_trials=10)
    assert len(study.trials) == 10


def test_it_is_pickled_and_copied_and_goes_on_alike() -> None:
    sampler = FrontierSampler(size_of_layers, seed=3)
    study = study_of(sampler)
    study.optimize(layers, n_trials=10)
    found = []
    for twin in (sampler, pickle.loads(pickle.dumps(sampler)), copy.deepcopy(sampler)):
        again = study_of(twin)
        again.add_trials(study.trials)
        again.optimize(layers, n_trials=3)
        found.append([trial.params for trial in again.trials])
    assert found[0] == found[1] == found[2]


@pytest.mark.filterwarnings("ignore:PartialFixedSampler is experimental")
def test_some_parameters_may_be_fixed() -> None:
    sampler = optuna.samplers.PartialFixedSampler({"n": 2}, FrontierSampler(seed=0))
    study = optuna.create_study(directions=DIRECTIONS, sampler=sampler)
    study.optimize(layers, n_trials=12)
    assert {trial.params["n"] for trial in study.trials} == {2}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("is_enqueued", [False, True])
def test_what_is_fixed_is_a_part_of_what_is_proposed(is_enqueued: bool) -> None:
    """Otherwise the best point is proposed again and again, and never tried."""
    study = study_of(FrontierSampler(seed=0))
    study.optimize(rounded, n_trials=12)
    if is_enqueued:
        for _ in range(16):
            study.enqueue_trial({"y": 0.25})
    else:
        study.sampler = optuna.samplers.PartialFixedSampler({"y": 0.25}, study.sampler)
    study.optimize(rounded, n_trials=16)
    fixed = study.trials[12:]
    assert {trial.params["y"] for trial in fixed} == {0.25}
    assert len({trial.params["x"] for trial in fixed}) == 16


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_fixed_values_decide_what_moves_with_them(tmp_path: Path) -> None:
    """Also where a wrapper is in another, and where they are numbers of numpy's or out of range."""

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        depth = trial.suggest_int("depth", 1, 8)
        place, rate = trial.suggest_int("place", 0, depth), trial.suggest_float("rate", 0.0, 1.0)
        off = abs(place - 0.9 * depth) / 9 + abs(rate - trial.suggest_float("momentum", 0.0, 1.0))
        return 1.0 - off, float(depth)

    study = study_of(FrontierSampler(seed=0), storage=f"sqlite:///{tmp_path / 'study.db'}")
    study.optimize(objective, n_trials=20)
    inner = optuna.samplers.PartialFixedSampler({"depth": np.int64(2)}, study.sampler)
    study.sampler = optuna.samplers.PartialFixedSampler({"rate": 0.5}, inner)
    study.optimize(objective, n_trials=8)
    proposed = [trial.system_attrs[POINT] for trial in study.trials[20:]]
    assert {point["place"] for point in proposed} <= {0, 1, 2}
    assert {(point["depth"], point["rate"]) for point in proposed} == {(2, 0.5)}


def test_values_may_be_as_small_or_as_far_from_zero_as_they_like() -> None:
    def values(scale: float, offset: float) -> list[dict[str, Any]]:
        def objective(trial: optuna.Trial) -> tuple[float, float]:
            first, second = rounded(trial)
            return offset + scale * first, second

        study = study_of(FrontierSampler(seed=0))
        study.optimize(objective, n_trials=20)
        return [trial.params for trial in study.trials]

    assert values(2.0**-50, 0.0) == values(1.0, 0.0)
    assert median_of(values(1.0, 1e9)) < 0.35  # random: 0.5


def median_of(params: list[dict[str, Any]]) -> float:
    """Return how far the ``x`` proposed after the start are from the best, in the middle."""
    return float(np.median([abs(each["x"] - 0.7) for each in params[8:]]))


def rounded(trial: optuna.Trial) -> tuple[float, float]:
    x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
    return 1.0 - (x - 0.7) ** 2 - 0.1 * y, 0.1 + y + 0.1 * (x - 0.7) ** 2


@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution:UserWarning")
def test_categories_may_be_lists(tmp_path: Path) -> None:
    study = study_of(FrontierSampler(seed=0), storage=f"sqlite:///{tmp_path / 'study.db'}")

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        kernel = trial.suggest_categorical("kernel", [[1, 2], [3, 4], [5, 6]])
        width = trial.suggest_int("width", 1, 9)
        return float(sum(kernel) * width) ** 0.5, float(sum(kernel) + width)

    study.optimize(objective, n_trials=15)
    assert len(study.trials) == 15


def test_one_sampler_serves_studies_of_other_directions() -> None:
    sampler = FrontierSampler(size_of_layers, seed=0)
    study_of(sampler).optimize(layers, n_trials=12)
    other = optuna.create_study(directions=["maximize", "maximize"], sampler=sampler)
    fresh = optuna.create_study(
        directions=["maximize", "maximize"], sampler=FrontierSampler(size_of_layers, seed=0)
    )
    for study in (other, fresh):
        study.optimize(layers, n_trials=14)
    assert [trial.params for trial in other.trials] == [trial.params for trial in fresh.trials]
