"""The benchmark of searches with a fidelity on a toy problem: what a search spends, and what counts."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.multi_fidelity.__main__ import main, measure
from benchmarks.multi_fidelity.methods import METHODS
from benchmarks.multi_fidelity.problem import (
    EPOCHS,
    PROBLEMS,
    MultiFidelityProblem,
    Progress,
    momf,
    random_front,
)
from benchmarks.multi_fidelity.table import cost_to_goal, print_tables
from benchmarks.optuna_studies.samplers import KNOWN
from results.hypervolume import hypervolume

PROBLEM = MultiFidelityProblem(
    "toy",
    2,
    lambda point, epoch: (point[0] + 1 - epoch / EPOCHS, 1 - point[0] + point[1]),
    (2.0, 2.0),
    best=hypervolume([(x / 1000, 1 - x / 1000) for x in range(1001)], (2.0, 2.0)),
)
NEEDS = {"syne tune mo-asha": "syne_tune", "neps moasha": "neps", "neps primo": "neps"}


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")
@pytest.mark.parametrize("method", [name for name in METHODS if "primo" not in name and KNOWN not in name])
def test_search_spends_its_budget_and_finds_a_part_of_the_best(method: str) -> None:
    if method in NEEDS and find_spec(NEEDS[method]) is None:
        with pytest.raises(SystemExit, match=r"pip install"):
            measure(PROBLEM, method, 0, 12)
        return
    found = measure(PROBLEM, method, 0, 12)
    assert len(found["hypervolume"]) == 12
    assert found["hypervolume"] == sorted(found["hypervolume"])
    assert 0.3 < found["hypervolume"][-1] <= 1


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:FutureWarning")
@pytest.mark.parametrize("method", [name for name in METHODS if "primo" not in name])
def test_search_of_a_table_finds_most_of_its_front(method: str) -> None:
    if method in NEEDS and find_spec(NEEDS[method]) is None:
        pytest.skip(f"{NEEDS[method]} is not installed")
    found = measure(PROBLEMS["table digits8"](), method, 0, 12)["hypervolume"]
    assert len(found) == 12
    assert found == sorted(found)
    assert 0.5 < found[-1] <= 1


def test_known_costs_are_those_of_the_table() -> None:
    problem = PROBLEMS["table grey16"]()
    assert problem.cost is not None
    assert problem.outcome is not None
    point = tuple(float(size - 1) for size in problem.sizes)
    error, cost = problem.at_epoch(point, problem.epochs)
    assert 0 < error < 1
    assert (
        cost == problem.cost(point) == 34_053
    )  # ResNet[2,2,2]-[12,20,28]-A^l-B^{l,i} on grey images of five classes
    assert problem.outcome(point)[1] == pytest.approx(
        1, abs=0.1
    )  # all ranks at their most: nearly the largest


def test_random_search_is_repeated_by_its_seed() -> None:
    curves = [measure(PROBLEM, "random", seed, 8)["hypervolume"] for seed in (3, 3, 4)]
    assert curves[0] == curves[1] != curves[2]


def test_evaluation_that_goes_on_pays_only_its_further_epochs() -> None:
    progress = Progress(PROBLEM, 2)
    progress.evaluate((0.5, 0.0), 9, 0)
    assert progress.curve == []
    progress.evaluate((0.5, 0.0), EPOCHS, 9)
    assert progress.epochs == EPOCHS
    assert len(progress.curve) == 1
    assert progress.curve[0] == pytest.approx(1.5 * 1.5 / PROBLEM.best, abs=1e-6)


def test_evaluation_beyond_the_budget_does_not_count() -> None:
    progress = Progress(PROBLEM, 1)
    progress.evaluate((0.9, 0.9), 1, 0)
    progress.evaluate((0.5, 0.0), EPOCHS, 0)
    assert progress.is_over
    assert progress.curve == [0.0]


def test_cost_to_the_goal_is_that_of_the_first_value_at_it() -> None:
    assert cost_to_goal([0.0, 0.5, 0.95, 0.97]) == 3
    assert cost_to_goal([0.0, 0.5]) == 3


def test_table_has_the_cost_to_the_goal_or_that_it_was_missed(capsys: pytest.CaptureFixture[str]) -> None:
    runs = []
    for seed in range(6):
        for method, end in (("random", 0.5 + seed / 100), ("frontier", 0.96)):
            facts = {"problem": "toy", "method": method, "seed": seed}
            runs.append({**facts, "hypervolume": [0.1] * 11 + [end] * 89})
    print_tables(runs)
    lines = capsys.readouterr().out.splitlines()
    (ours,) = [line for line in lines if line.startswith("| frontier |")]
    (chance,) = [line for line in lines if line.startswith("| random |")]
    assert "| 12 (12, 12) | 0.96 (0.96, 0.96) | 6 of 6, p = 0.031 |" in ours
    assert "> 100 (> 100, > 100)" in chance


@pytest.mark.parametrize("name", ["MOMFBraninCurrin", "MOMFPark"])
def test_functions_of_botorch_stay_below_their_best_hypervolume(name: str) -> None:
    pytest.importorskip("botorch")
    problem = momf(name)
    found = hypervolume(random_front(problem, 300, 0), problem.reference)
    assert 0.2 < found / problem.best < 1


def test_functions_without_botorch_name_the_package() -> None:
    if find_spec("botorch") is not None:
        assert momf("MOMFPark").dimension == 4
        return
    with pytest.raises(SystemExit, match="pip install botorch"):
        momf("MOMFPark")


def test_picture_has_the_searches_with_several_seeds_to_their_own_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(method: str, seed: int, cost: int) -> dict[str, Any]:
        curve = [0.1 + 0.01 * place + 0.05 * seed for place in range(cost)]
        return {"problem": "MOMFPark", "method": method, "seed": seed, "hypervolume": curve}

    runs = [run("random", 0, 20), run("random", 1, 20), run("neps primo", 0, 10), run("neps primo", 1, 10)]
    other = [{**one, "problem": "MOMFBraninCurrin"} for one in runs]
    recorded = tmp_path / "runs.jsonl"
    recorded.write_text("".join(json.dumps(one) + "\n" for one in [*runs, *other, run("frontier", 0, 20)]))
    monkeypatch.setattr("benchmarks.multi_fidelity.__main__.RESULTS", recorded)
    main(["pictures", "--folder", str(tmp_path)])
    root = ElementTree.fromstring((tmp_path / "multi-fidelity-MOMFPark.svg").read_text("utf-8"))
    texts = {one.text for one in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"MOMFPark", "random", "neps primo", "whole evaluations"} <= texts
    assert "frontier" not in texts


def test_run_appends_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = tmp_path / "runs.jsonl"
    monkeypatch.setattr("benchmarks.multi_fidelity.__main__.RESULTS", recorded)
    monkeypatch.setitem(PROBLEMS, "MOMFPark", lambda: PROBLEM)
    for seeds in ("1", "2"):
        main(["run", "--problems", "MOMFPark", "--methods", "random", "--seeds", seeds, "--budget", "3"])
    lines = [json.loads(line) for line in recorded.read_text("utf-8").splitlines()]
    assert [(line["method"], line["seed"], len(line["hypervolume"])) for line in lines] == [
        ("random", 0, 3),
        ("random", 1, 3),
    ]
