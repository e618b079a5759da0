"""Searches with objectives other than parameters, and with constraints on measured costs."""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import optuna
import pytest

from results.open import Study, open_study
from results.storage.study_files import sqlite_url
from search.executors.messages import Epoch, Event, Failed, Finished, Job, Paused, Predicted
from search.executors.run_job import run_job
from search.executors.workplace import Workplace
from tests.results.test_hypervolume import by_inclusion_exclusion
from tests.support.command_line import mgnas
from tests.support.stripes import RECIPE, SPEC, striped_data
from tests.support.studies import write_study
from trainers.device.calibration import Calibration
from trainers.device.execution import ExecutionConfig

STUDY = Path("runs/tiny")
WEIGHED = ("--costs", "params,latency_ms")


def write(folder: Path, *, trials: int, sampler: str, scheduler: str) -> None:
    file = write_study(folder, epochs=4, trials=trials)
    text = file.read_text().replace('"tpe"', f'"{sampler}"\nscheduler = "{scheduler}"')
    file.write_text(text, encoding="utf-8")


def dominated_share(study: Study) -> float:
    """The hypervolume by its definition: of the box of error, log parameters and log latency, 1 for all.

    It is 1 where one network has no error, is the smallest of the space, and was the quickest.
    """
    complete = [record for record in study.records if record.state == "complete"]
    latencies = [record.network_costs.latency_ms for record in complete]
    ranges = [study.header.params_range, (min(latencies), max(latencies))]
    points = []
    for record in study.front_records:
        places = [
            math.log(cost / low) / math.log(high / low) if high > low else 0.0
            for cost, (low, high) in zip(
                (record.params, record.network_costs.latency_ms), ranges, strict=True
            )
        ]
        points.append((1 - (record.val_accuracy or 0), *places))
    return by_inclusion_exclusion(points, (1, 1, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sampler", "scheduler"), [("frontier", "freeze_thaw"), ("nsga2", "asha"), ("tpe", "fifo")]
)
def test_latency_is_a_second_cost(tmp_path: Path, sampler: str, scheduler: str) -> None:
    write(tmp_path, trials=12, sampler=sampler, scheduler=scheduler)
    run = mgnas("search", "tiny.toml", *WEIGHED, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "latency, ms" in run.stdout
    shown = json.loads(mgnas("front", STUDY, "--json", cwd=tmp_path).stdout)
    assert shown["costs"] == ["params", "latency_ms"]
    with (tmp_path / STUDY / "front.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [float(row["latency_ms"]) for row in rows] == [point["latency_ms"] for point in shown["front"]]
    study = open_study(tmp_path / STUDY)
    assert all(record.network_costs.latency_ms > 0 for record in study.records)
    assert study.hypervolume == pytest.approx(dominated_share(study), abs=1e-9)
    assert study.hypervolume > 0
    seen = optuna.load_study(study_name="tiny", storage=sqlite_url(tmp_path / STUDY))
    assert [direction.name for direction in seen.directions] == ["MAXIMIZE", "MINIMIZE", "MINIMIZE"]
    complete = {record.number: record for record in study.records if record.state == "complete"}
    assert complete
    for number, record in complete.items():
        assert seen.trials[number].values == [
            record.val_accuracy,
            record.params,
            record.network_costs.latency_ms,
        ]
    again = json.loads(mgnas("verify", STUDY, "--json", cwd=tmp_path).stdout)
    assert again["difference"] is None
    assert again["same"] >= 12


def test_a_study_goes_on_with_the_costs_it_was_begun_with(tmp_path: Path) -> None:
    write(tmp_path, trials=5, sampler="frontier", scheduler="freeze_thaw")
    assert mgnas("search", "tiny.toml", *WEIGHED, cwd=tmp_path).returncode == 0
    before = {
        record.number: record.network_costs.latency_ms for record in open_study(tmp_path / STUDY).records
    }
    other = mgnas("search", "tiny.toml", "--trials", "7", cwd=tmp_path)
    assert other.returncode == 2
    assert "search.costs = ['params', 'latency_ms'], but now ['params']" in other.stderr
    more = mgnas("search", STUDY, "--trials", "7", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    after = {
        record.number: record.network_costs.latency_ms for record in open_study(tmp_path / STUDY).records
    }
    assert len(after) == 7
    assert {number: after[number] for number in before} == before


def test_networks_above_a_limit_on_latency_are_given_up_before_they_are_trained(tmp_path: Path) -> None:
    write(tmp_path, trials=13, sampler="frontier", scheduler="freeze_thaw")
    run = mgnas("search", "tiny.toml", "--set", "search.max_latency_ms=0.001", cwd=tmp_path)
    assert run.returncode == 1
    assert "latency_ms" in run.stderr
    assert "> max_latency_ms 0.001" in run.stderr
    assert "Traceback" not in run.stderr
    study = open_study(tmp_path / STUDY)
    assert len(study.records) == 13  # nothing is wrong with the machine, so it goes on
    assert {(record.state, record.epochs) for record in study.records} == {("failed", 0)}
    replayed = mgnas("verify", STUDY, cwd=tmp_path)
    assert replayed.returncode == 0, replayed.stderr


@pytest.mark.slow
def test_a_limit_in_the_middle_leaves_the_quick_networks(tmp_path: Path) -> None:
    write(tmp_path, trials=8, sampler="random", scheduler="fifo")
    assert mgnas("search", "tiny.toml", *WEIGHED, "--dir", "free", cwd=tmp_path).returncode == 0
    times = sorted(record.network_costs.latency_ms for record in open_study(tmp_path / "free").records)
    limit = (times[3] + times[4]) / 2
    run = mgnas(
        "search", "tiny.toml", "--set", f"search.max_latency_ms={limit}", "--trials", "16", cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    study = open_study(tmp_path / STUDY)
    for record in study.records:
        is_over = record.network_costs.latency_ms > limit
        assert record.state == ("failed" if is_over else "complete")
    assert len({record.state for record in study.records}) == 2


@pytest.mark.parametrize("option", ["search.costs=energy_j", "search.max_energy_j=100"])
def test_energy_is_asked_of_no_device_that_does_not_tell_it(tmp_path: Path, option: str) -> None:
    write_study(tmp_path)
    run = mgnas("search", "tiny.toml", "--set", option, "--set", "search.device=cpu", cwd=tmp_path)
    assert run.returncode == 2
    assert "energy_j cannot be measured on a CPU; it needs an NVIDIA GPU" in run.stderr
    assert not (tmp_path / STUDY).exists()
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ("speed", "params"),
        ("params,params", "each cost is named once, but got 'params, params'"),
        ("", "--costs is empty"),
    ],
)
def test_wrong_costs_are_refused_in_one_line(tmp_path: Path, costs: str, message: str) -> None:
    write_study(tmp_path)
    run = mgnas("search", "tiny.toml", "--costs", costs, cwd=tmp_path)
    assert run.returncode == 2
    assert message in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1


def test_an_export_tells_what_was_measured(tmp_path: Path) -> None:
    write(tmp_path, trials=4, sampler="random", scheduler="fifo")
    assert mgnas("search", "tiny.toml", *WEIGHED, cwd=tmp_path).returncode == 0
    run = mgnas("export", STUDY, "--pick", "best", "--formats", "spec", "-o", "best", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert re.search(r"\| Latency \| [\d.]+ ms \|", (tmp_path / "best/README.md").read_text(encoding="utf-8"))


def trained(folder: Path, limits: dict[str, float], *, epochs: int, **job: Any) -> list[Event]:
    """Return what a worker says while it trains a small network."""
    data = striped_data()
    place = Workplace(data, ExecutionConfig(), Calibration(data.device, folder), tuple(limits), limits)
    recipe = RECIPE.replaced({"epochs": epochs})
    files = str(folder / "weights.safetensors"), str(folder / "checkpoint")
    events: list[Event] = []
    run_job(Job(0, SPEC.to_dict(), recipe, 0, *files, **job), place, events.append)
    return events


def test_the_time_of_a_training_is_that_of_all_its_jobs(tmp_path: Path) -> None:
    paused = trained(tmp_path, {}, epochs=2, until=1)[-1]
    assert isinstance(paused, Paused)
    finished = trained(tmp_path, {}, epochs=2, known_epochs=1, train_s=100.0 + paused.train_s)[-1]
    assert isinstance(finished, Finished)
    assert finished.train_s > 100.0 + paused.train_s


@pytest.mark.parametrize(
    ("limit", "is_limited", "is_trained"), [(0.5, True, False), (0.5, False, True), (1.5, True, True)]
)
def test_a_latency_that_was_measured_before_a_kill_is_held_against_its_limit(
    tmp_path: Path, limit: float, is_limited: bool, is_trained: bool
) -> None:
    """Unless it is that of a reference."""
    limits = {"latency_ms": limit}
    events = trained(tmp_path, limits, epochs=1, known_latency_ms=1.0, is_limited=is_limited)
    kinds = [Epoch, Finished] if is_trained else [Failed]
    said = [
        type(event) for event in events if not isinstance(event, Predicted)
    ]  # a prediction may come first
    assert said == kinds
    assert getattr(events[-1], "is_over_limit", False) is not is_trained
