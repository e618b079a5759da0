"""The ablation of the sampler: that each switch takes its component away, and what the table says."""

from __future__ import annotations

import json
import warnings
from functools import partial
from pathlib import Path

import optuna
import pytest

from benchmarks.frontier_ablation import MEASURED, OFF, PROBLEMS, WHOLE, changes, main
from search.frontier.config import DEFAULTS
from search.frontier.models.feasibility import FeasibilityModel
from search.frontier.models.warping import Warping

CHEAP = {
    "feasibility model": "corner",
    "its logistic regression": "corner",
    "its Gaussian process": "disc",
    "exploration after validation": "chance_level",
    "errors over logarithms": "table grey16, 40, costs known",
    "reference near the front": "branches",
    "wide local search": "table grey16, 40, costs known",
    "conditional parameters": "branches",
    "dynamic ranges": "narrowing",
    "loss covariate": "digits8, freeze_thaw",
}


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)


@pytest.mark.slow
@pytest.mark.parametrize("component", list(MEASURED))
def test_study_without_a_component_differs(component: str) -> None:
    measure = partial(PROBLEMS[CHEAP[component]], 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = measure()
        with OFF[component]():
            without = measure()
    assert without != before


def test_component_comes_back_after_the_study() -> None:
    before = vars(DEFAULTS).copy(), Warping.fitted, FeasibilityModel.of
    for off in OFF.values():
        with off():
            pass
    assert (vars(DEFAULTS), Warping.fitted, FeasibilityModel.of) == before


def test_every_component_has_a_switch_and_problems() -> None:
    assert OFF.keys() - {WHOLE} == MEASURED.keys()
    assert {name for names in MEASURED.values() for name in names} <= PROBLEMS.keys()


def test_change_is_paired_by_seed_and_relative_to_the_whole() -> None:
    rows = [{"component": WHOLE, "problem": "disc", "seed": seed, "hypervolume": 2.0} for seed in range(3)]
    rows += [
        {"component": "feasibility model", "problem": "disc", "seed": seed, "hypervolume": 1.5}
        for seed in (1, 2)
    ]
    assert changes(rows, "feasibility model", "disc") == [-25.0, -25.0]
    assert changes(rows, "feasibility model", "corner") == []


def test_run_appends_what_is_missing_and_the_table_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recorded = tmp_path / "runs.jsonl"
    monkeypatch.setattr("benchmarks.frontier_ablation.RESULTS", recorded)
    monkeypatch.setitem(PROBLEMS, "narrowing", lambda seed: 1.0 + seed)
    for seeds in ("1", "3"):
        main(["run", "--components", "dynamic ranges", "--seeds", seeds])
    rows = [json.loads(line) for line in recorded.read_text("utf-8").splitlines()]
    assert [(row["component"], row["seed"]) for row in rows] == [
        (component, seed) for seed in range(3) for component in (WHOLE, "dynamic ranges")
    ]
    main(["table"])
    assert "+0.000 ± 0.000 %" in capsys.readouterr().out
