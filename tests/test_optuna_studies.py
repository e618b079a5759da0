"""The benchmark of Optuna studies on a toy problem: its runs, its tables, and how it gives known costs to samplers."""

from __future__ import annotations

import io
import pickle
import random
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import optuna
import pytest

from benchmarks.flat_table import TABLES
from benchmarks.optuna_studies.__main__ import decision_ms, measure
from benchmarks.optuna_studies.botorch_sampler import new_points
from benchmarks.optuna_studies.nas_bench_201 import _PlainUnpickler
from benchmarks.optuna_studies.picture import picture
from benchmarks.optuna_studies.problem import StudyProblem, Values
from benchmarks.optuna_studies.recorded_tables import recorded_table
from benchmarks.optuna_studies.samplers import KNOWN, make_sampler
from benchmarks.optuna_studies.small_models import boosting_on_breast_cancer
from benchmarks.optuna_studies.table import print_tables, shortened
from results.hypervolume import hypervolume


def costs(params: Mapping[str, Any]) -> Values:
    return (params["x"],)


def evaluate(params: Mapping[str, Any], seed: int) -> Values:
    return (1 - params["x"] + params["y"], *costs(params))


PROBLEM = StudyProblem(
    "toy",
    lambda trial: {"x": trial.suggest_float("x", 0, 1), "y": trial.suggest_float("y", 0, 1)},
    evaluate,
    (2.0, 1.0),
    costs=costs,
    best=hypervolume([(1 - x / 1000, x / 1000) for x in range(1001)], (2.0, 1.0)),
    trials=20,
)


@pytest.mark.parametrize("name", ["random", f"tpe{KNOWN}", "frontier", f"frontier{KNOWN}"])
def test_hypervolume_grows_along_the_trials_up_to_the_best(name: str) -> None:
    sampler = make_sampler(name, PROBLEM, 0)
    assert sampler is not None
    found = measure(PROBLEM, sampler, 0)
    curve = found["hypervolume"]
    assert len(curve) == 4
    assert 0 < curve[0] <= curve[-1] <= PROBLEM.best
    assert curve == sorted(curve)
    assert found["reached"] is None or curve[-1] >= 0.95 * PROBLEM.best


def test_decisions_are_timed_at_the_end_of_a_study() -> None:
    sampler = make_sampler("random", PROBLEM, 0)
    assert sampler is not None
    found = decision_ms(PROBLEM, sampler, 20)
    assert len(found) == 5
    assert all(one >= 0 for one in found)


def test_known_costs_keep_proposals_under_the_cost_of_an_earlier_trial() -> None:
    def mean_cost(name: str) -> float:
        study = optuna.create_study(directions=["minimize"] * 2, sampler=make_sampler(name, PROBLEM, 0))
        study.optimize(lambda trial: evaluate(PROBLEM.suggest(trial), 0), n_trials=40)
        return sum(trial.values[1] for trial in study.trials) / 40

    assert mean_cost(f"random{KNOWN}") < 0.7 * mean_cost("random")


def test_problem_without_known_costs_has_no_such_sampler() -> None:
    unknown = StudyProblem("unknown", PROBLEM.suggest, evaluate, (2.0, 1.0))
    assert make_sampler(f"tpe{KNOWN}", unknown, 0) is None
    assert make_sampler("tpe", unknown, 0) is not None


def grid_costs(params: Mapping[str, Any]) -> Values:
    return (params["x"] / 9,)


GRID = StudyProblem(
    "grid",
    lambda trial: {name: trial.suggest_categorical(name, range(10)) for name in ("x", "y")},
    lambda params, _: (1 - params["x"] / 9 + params["y"], *grid_costs(params)),
    (2.0, 1.1),
    costs=grid_costs,
    trials=10,
    is_finite=True,
)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")
@pytest.mark.parametrize("name", ["gp", "qlognehvi", f"qlognehvi{KNOWN}"])
def test_slow_peer_proposes_points_of_the_space(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "nehvi" in name and find_spec("botorch") is None:
        with pytest.raises(SystemExit, match="pip install botorch"):
            make_sampler(name, GRID, 0)
        return
    if "nehvi" in name:  # without the extension that it compiles
        monkeypatch.setattr("botorch.acquisition.multi_objective.logei._load_attempted", True)
    sampler = make_sampler(name, GRID, 0)
    assert sampler is not None
    assert 0 < measure(GRID, sampler, 0)["hypervolume"][-1] <= 2.2


def test_known_costs_reach_botorch_in_a_finite_space_only() -> None:
    assert make_sampler(f"qlognehvi{KNOWN}", PROBLEM, 0) is None


def test_new_points_are_unseen_and_include_neighbours_of_the_front() -> None:
    choices = {name: range(30) for name in ("x", "y", "z")}
    seen = [{"x": 1, "y": 2, "z": 3}, {"x": 4, "y": 2, "z": 3}]
    found = new_points(choices, seen, seen[:1], random.Random(0))
    assert not any(one in found for one in seen)
    assert {"x": 1, "y": 29, "z": 3} in found
    assert len(found) > 400


@pytest.mark.parametrize("name", TABLES)
def test_every_point_of_a_table_is_one_of_its_networks(name: str) -> None:
    problem = recorded_table(name)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(directions=["minimize"] * 2, sampler=sampler)
    points = [problem.suggest(study.ask()) for _ in range(300)]
    places = problem.scale([problem.evaluate(one, seed) for seed, one in enumerate(points)], points)
    assert problem.best is not None
    assert 0 <= places.min() <= places.max() <= 1
    assert 0.8 * problem.best < hypervolume(places, problem.reference) <= problem.best


def test_boosting_counts_at_most_the_leaves_it_may_grow() -> None:
    params = {"trees": 3, "leaves": 4, "rate": 0.5, "rows": 1.0, "features": 1.0}
    error, leaves = boosting_on_breast_cancer().evaluate(params, 0)
    assert 0 < error < 0.2
    assert 3 < leaves <= 12


def test_shortened_runs_end_at_the_same_trial() -> None:
    runs = [
        {"problem": "toy", "hypervolume": [0.1, 0.2, 0.3, 0.4], "reached": 14},
        {"problem": "toy", "hypervolume": [0.1, 0.2], "reached": 7},
    ]
    found = shortened(runs, 10)
    assert [one["hypervolume"] for one in found] == [[0.1, 0.2]] * 2
    assert [one["reached"] for one in found] == [None, 7]
    assert shortened(runs) == runs[:1]


def test_table_compares_with_random_search_of_the_same_seed(capsys: pytest.CaptureFixture[str]) -> None:
    def run(sampler: str, seed: int, end: float) -> dict[str, Any]:
        facts = {"problem": "toy", "sampler": sampler, "seed": seed, "decision_ms": 5.0}
        return facts | {"hypervolume": [0.1, 0.2, end], "best": 1.0, "reached": None if end < 0.95 else 12}

    runs = [run("random", seed, 0.5 + seed / 100) for seed in range(6)]
    runs.append(run("frontier of an old commit", 0, 0.9))
    print_tables([*runs, *(run("frontier", seed, 0.96) for seed in range(6))])
    lines = capsys.readouterr().out.splitlines()
    (ours,) = [line for line in lines if line.startswith("| frontier |")]
    (chance,) = [line for line in lines if line.startswith("| random |")]
    assert "12 (12, 12) | 6 of 6, p = 0.031" in ours
    assert "> 15 (> 15, > 15)" in chance
    assert lines[-1].startswith("| frontier of an old commit |")


def test_picture_has_the_samplers_with_several_seeds() -> None:
    def run(sampler: str, seed: int) -> dict[str, Any]:
        return {
            "problem": "toy",
            "sampler": sampler,
            "seed": seed,
            "hypervolume": [0.1, 0.2 + seed],
            "best": 2.0,
        }

    drawn = picture(
        [*(run(name, seed) for name in ("random", "tpe") for seed in range(2)), run("nsga2", 0)], "toy"
    )
    root = ElementTree.fromstring(drawn)
    texts = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"toy", "tpe", "random", "trials"} <= set(texts)
    assert "nsga2" not in texts


def test_table_of_a_wheel_with_a_class_is_refused() -> None:
    assert _PlainUnpickler(io.BytesIO(pickle.dumps({"a": [1.5]}))).load() == {"a": [1.5]}
    with pytest.raises(pickle.UnpicklingError, match="is not plain data"):
        _PlainUnpickler(io.BytesIO(pickle.dumps(Path()))).load()
