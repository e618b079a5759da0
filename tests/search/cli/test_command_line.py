"""The command line from end to end, on a tiny study: input, output and files."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from results.open import open_study
from results.storage.records import POINT_COLUMNS
from results.storage.study_files import sqlite_url
from search.cli.app import COMMANDS
from search.cli.main import run
from search.study.resolve import Request, resolve
from space.modules.build import build
from space.networks.load import load_spec
from tests.support.studies import write_study
from tests.support.waiting import MOST_S

STUDY = Path("runs/tiny")


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = run(list(arguments))
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.out


# -- a search and what it leaves -----------------------------------------------------------------------


def test_what_a_search_leaves(finished: Path) -> None:
    files = {path.name for path in STUDY.iterdir()}
    assert {"study.toml", "environment.json", "study.db", "trials.csv", "front.csv", "report.html"} <= files
    results = open_study(STUDY)
    assert results.complete
    assert results.num_finished == len({record.arch for record in results.records}) == 6
    assert all(record.state == "complete" and record.epochs == 2 for record in results.records)
    environment = json.loads((STUDY / "environment.json").read_text("utf-8"))
    assert {"python", "packages", "cpu", "seed", "space", "data"} <= set(environment)
    kept = {path.name for path in (STUDY / "checkpoints").iterdir()}
    assert kept == {Path(str(record.weights)).name for record in results.front_records}


def test_what_a_search_says(finished: Path) -> None:
    out = (finished / "search.stdout").read_text("utf-8")
    err = (finished / "search.stderr").read_text("utf-8")
    front = open_study(STUDY).front_records
    assert all(record.notation in out and f"{record.params:,}" in out for record in front)
    assert "report: runs/tiny/report.html" in out
    assert "export: mgnas export runs/tiny --pick within-1se" in out
    state = r"trials 6/6, left 0 s, best \d+\.\d\d %, front \d, ([\d,.]+ epochs/min, )?hypervolume 0\.\d{4}\n"
    assert re.search(state, err)


def test_epochs_are_in_the_ledger_and_the_last_one_counts(finished: Path) -> None:
    results = open_study(STUDY)
    for record in results.records:
        reports = results.reports[record.number]
        assert [report.epoch for report in reports] == [1, 2]
        assert record.val_accuracy == reports[-1].val_accuracy


def test_optunas_study_agrees_with_the_ledger(finished: Path) -> None:
    study = optuna.load_study(study_name="tiny", storage=sqlite_url(STUDY))
    results = open_study(STUDY)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    for trial, record in zip(study.trials, results.records, strict=True):
        assert trial.state.name == "COMPLETE"
        assert trial.values == [record.val_accuracy, record.params]
        assert trial.params == record.hyperparameters
        assert trial.user_attrs["arch"] == record.arch


def test_specs_in_the_ledger_build_networks_of_the_counted_size(finished: Path) -> None:
    for record in open_study(STUDY).records:
        network = build(load_spec(record.spec))
        assert sum(p.numel() for p in network.parameters()) == record.params


def test_the_same_again_says_complete_at_once(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.read_bytes() for path in STUDY.glob("*") if path.is_file()}
    for arguments in (["tiny.toml"], ["runs/tiny"], ["--dir", "runs/tiny"]):
        assert "is complete: all 6 trials are done" in output(capsys, "search", *arguments)
    assert {path: path.read_bytes() for path in STUDY.glob("*") if path.is_file()} == before


def test_a_complete_study_is_answered_without_slow_imports(finished: Path) -> None:
    slow = "{'torch', 'optuna', 'scipy', 'pandas', 'plotly'}"
    search = "import sys; from search.cli.main import run; run(['search', 'runs/tiny'])"
    code = f"{search}; print({slow} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_fewer_trials_are_complete_also_where_the_report_is_missing(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert "is complete: 4 asked for, 6 trials are done" in output(
            capsys, "search", "tiny.toml", "--trials", "4"
        )
        (STUDY / "report.html").unlink()


def test_more_trials_go_on(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = open_study(STUDY).records
    document = json.loads(output(capsys, "search", "runs/tiny", "--trials", "8", "--json"))
    after = open_study(STUDY)
    assert (document["trials"], document["complete"]) == (8, True)
    assert [r.number for r in after.records] == list(range(8))
    assert [(r.arch, r.val_accuracy) for r in after.records[:6]] == [(r.arch, r.val_accuracy) for r in before]
    assert "is complete" in output(capsys, "search", "runs/tiny")
    assert json.loads(output(capsys, "status", "runs/tiny", "--json"))["trials"] == 8


def test_a_moved_folder_works_and_goes_on(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved & renamed"
    shutil.move(STUDY, moved)
    monkeypatch.chdir(tmp_path)
    assert json.loads(output(capsys, "front", str(moved), "--json"))["study"] == "moved & renamed"
    assert "complete: all 7" in output(capsys, "search", str(moved), "--trials", "7")


@pytest.mark.slow
def test_one_worker_and_one_seed_give_one_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, trials=14, workers=1, epochs=1)  # more than the start: the sampler has its say
    for name in ("a", "b"):
        output(capsys, "search", "tiny.toml", "--dir", name)
    first, second = (
        [(r.arch, r.seed, r.val_accuracy) for r in open_study(name).records] for name in ("a", "b")
    )
    assert first == second


@pytest.mark.slow
def test_hours_are_a_budget_and_a_total(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, trials=1, epochs=1)
    large_space = ("--set", "space.nu={low=1,high=9}", "--set", "space.c_f={low=2,high=9}")
    output(capsys, "search", "tiny.toml", *large_space)
    hours = (open_study(STUDY).searched_s + 3) / 3600
    longer = ("--trials", "10000", "--hours", str(hours))
    assert "hours are spent" in output(capsys, "search", "tiny.toml", *longer, *large_space)
    results = open_study(STUDY)
    assert 0 < results.num_finished < 10_000
    assert results.searched_s >= 3600 * hours
    assert all(record.state == "complete" for record in results.records)
    assert "hours are spent" in output(capsys, "search", "runs/tiny", *longer)
    assert open_study(STUDY).num_finished == results.num_finished


def test_an_exhausted_space_ends_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, trials=9, epochs=1)
    out = output(capsys, "search", "tiny.toml", "--set", "space.levels=1", "--set", "space.nu=1")
    assert "every network of its space within the limits was tried" in out
    assert len(open_study(STUDY).records) == 3
    assert "is complete" in output(capsys, "search", "runs/tiny")


# -- looking at it ---------------------------------------------------------------------------------------


def test_front_as_json_and_csv_and_table(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(output(capsys, "front", "runs/tiny", "--json"))
    assert set(document) == {"figures", "study", "complete", "trials", "hypervolume", "metric", "front"}
    assert document["metric"] == "float_accuracy"
    assert all(tuple(point) == (*POINT_COLUMNS, "equal_to") for point in document["front"])
    rows = list(csv.DictReader(io.StringIO(output(capsys, "front", "runs/tiny", "--csv"))))
    assert [int(row["params"]) for row in rows] == [point["params"] for point in document["front"]]
    assert (STUDY / "front.csv").read_text("utf-8") == output(capsys, "front", "runs/tiny", "--csv")
    assert document["front"][0]["notation"] in output(capsys, "front", "runs/tiny")


def test_status(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    facts = json.loads(output(capsys, "status", "runs/tiny", "--json"))
    expected = {"trials": 6, "finished": 6, "running": 0, "failed": 0, "epochs": 12}
    assert {key: facts[key] for key in expected} == expected
    assert "complete: all 6 trials are done" in output(capsys, "status", "runs/tiny")


def test_report_to_a_file_of_ones_own(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "report", "runs/tiny", "-o", "mine.html").strip() == "mine.html"
    assert "<html" in Path("mine.html").read_text("utf-8")[:300].lower()


def test_export_by_pick_and_by_trial(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    best = open_study(STUDY).pick("best")
    out = output(capsys, "export", "runs/tiny", "--pick", "best", "--formats", "spec,safetensors")
    folder = STUDY / "exports" / f"trial-{best.search_trial}"
    assert best.notation in out
    assert {"spec.json", "model.safetensors", "README.md", "classify.py"} <= {
        p.name for p in folder.iterdir()
    }
    output(
        capsys, "export", "runs/tiny", "--trial", str(best.search_trial), "--formats", "spec", "-o", "there"
    )
    figures = json.loads(output(capsys, "describe", "there/spec.json", "--image-size", "7", "--json"))
    assert (figures["arch"], figures["params"]) == (best.arch, best.params)


def test_options_set_keys_of_the_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []
    monkeypatch.setattr("search.cli.search.launch", lambda request, **_: asked.append(request))
    options = ("--epochs", "3", "--workers", "2", "--device", "cpu", "--image-size", "48x64")
    assert run(["search", "digits", "--dir", str(tmp_path), *options]) == 0
    config, _ = resolve(asked[0])
    assert (config.train.epochs, config.search.workers, config.search.device) == (3, 2, "cpu")
    assert config.data.image_size == (48, 64)
    assert run(["search", "digits", "--workers", "auto", "--image-size", "32"]) == 0
    config, _ = resolve(asked[1])
    assert (config.search.workers, config.data.image_size) == ("auto", 32)


def test_version_is_an_option_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert output(capsys, "--version") == output(capsys, "version")


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("search --preset dig", "digits"),
        ("search --data ima", "imagefolder:"),
        ("search --device c", "cpu cuda"),
        ("search --costs params,ma", "params,macs"),
        ("export runs/x --pick b", "best"),
        ("export runs/x --formats spec,s", "spec,safetensors"),
        ("train MgNet[1]-2-B^l --preset cifar10-s", "cifar10-small"),
    ],
)
def test_values_of_options_complete(typed: str, completed: str) -> None:
    words = f"mgnas {typed}".split(" ")
    variables = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "mgnas"],
        env=os.environ | variables | {"_MGNAS_COMPLETE": "complete_bash"},
        capture_output=True, text=True, timeout=MOST_S, check=False,
    )  # fmt: skip
    assert done.stdout.split() == completed.split(), done.stderr


def test_describe(capsys: pytest.CaptureFixture[str]) -> None:
    figures = json.loads(output(capsys, "describe", "MgNet[2,2,2,2]-256-B^l", "--json"))
    assert figures["params"] == 8_278_794 == sum(layer["params"] for layer in figures["layers"])
    assert figures["macs"] == sum(layer["macs"] for layer in figures["layers"])
    assert "8,278,794" in output(capsys, "describe", "MgNet[2,2,2,2]-256-B^l")
    small = json.loads(
        output(capsys, "describe", "MgNet[1]-4-B^l", "--channels", "1", "--classes", "2", "--json")
    )
    assert small["params"] == 36 + 8 + 2 * 144 + 16 + 10


def test_presets_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert "digits" in output(capsys, "presets")
    assert re.fullmatch(r"mgnas \d+\.\d+\.\d+\n", output(capsys, "version"))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command.__name__))
def test_help_has_panels_defaults_and_two_examples(
    command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    text = output(capsys, command.__name__, "--help")
    _, examples = text.split("Examples:\n")
    lines = examples.strip().splitlines()
    assert len(lines) == 2
    assert all(line.strip().startswith("mgnas ") for line in lines)


def test_help_of_search_groups_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    text = output(capsys, "search", "--help")
    headings = re.findall(r"^(\w+):$", text, re.MULTILINE)
    assert headings == [
        "Arguments", "Study", "Data", "Search", "Training", "Machine", "Output", "Options", "Examples"
    ]  # fmt: skip
    assert text.index("Search:") < text.index("--costs") < text.index("[default: params, or the target's]")
