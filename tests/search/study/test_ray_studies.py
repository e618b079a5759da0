"""Studies on Ray clusters: the same results, nodes that die and join, and the end of all processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import pytest

from results.open import open_study
from results.storage.reading import reading_ledger
from space.networks.weights_file import read_trained
from tests.search.study.test_faults import STUDY
from tests.support.command_line import command, mgnas, mgnas_process
from tests.support.gate import write_gated_study
from tests.support.ray_cluster import nodes_on_this_machine, processes_with
from tests.support.studies import write_images, write_study
from tests.support.waiting import MOST_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
MARK = "MGNAS_TEST"
ON_RAY = ("--set", "search.executor=ray")


@contextmanager
def search_on_ray(home: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A search in the background, killed at the end if it still runs."""
    driver = subprocess.Popen(
        command("search", "tiny.toml", *ON_RAY, *arguments),
        cwd=home,
        env=os.environ | {MARK: str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with driver:
        try:
            yield driver
        finally:
            driver.kill()


def curves(home: Path) -> dict[tuple[str, int], list[float]]:
    """Return the accuracy after each epoch by network and seed."""
    study = open_study(home / STUDY)
    return {
        (one.notation, one.seed): [report.val_accuracy for report in study.reports[one.number]]
        for one in study.records
    }


@pytest.mark.parametrize(("sampler", "workers"), [("random", "2"), ("frontier", "1")])
def test_study_on_ray_trains_the_same_networks_as_locally_bit_for_bit(
    tmp_path: Path, sampler: str, workers: str
) -> None:
    found = []
    chosen = ("--set", f"search.sampler={sampler}", "--workers", workers)
    for name, executor in (("local", ()), ("ray", ON_RAY)):
        home = tmp_path / name
        home.mkdir()
        write_study(home, trials=6, epochs=3)
        start = mgnas_process if executor else mgnas
        run = start("search", "tiny.toml", *chosen, *executor, cwd=home)
        assert run.returncode == 0, run.stderr
        found.append(curves(home))
    assert found[0] == found[1]
    assert len(found[0]) == 6
    verified = mgnas("verify", STUDY, cwd=home)
    assert verified.returncode == 0, verified.stdout


def lines_with(stream: TextIO, text: str, num: int) -> list[str]:
    """Read lines until so many of them contain the text."""
    lines: list[str] = []
    while sum(text in line for line in lines) < num:
        line = stream.readline()
        assert line, "".join(lines)
        lines.append(line)
    return lines


def test_a_search_goes_on_when_two_of_four_nodes_die_and_one_joins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = write_gated_study(tmp_path, trials=10)
    gate.enter(monkeypatch)
    with nodes_on_this_machine(2) as nodes:
        doomed = [nodes.add(), nodes.add()]
        with search_on_ray(tmp_path, "--workers", "5", "--set", f"search.address={nodes.address}") as driver:
            gate.wait_for(4, driver)
            for node in doomed:
                nodes.kill(node)
            assert driver.stderr is not None
            said = lines_with(driver.stderr, "left the cluster: 1 worker fewer", 2)
            nodes.add()
            said += lines_with(driver.stderr, "joined the cluster: 1 worker more", 1)
            gate.open()
            _, errors = driver.communicate(timeout=MOST_S)
        errors = "".join(said) + errors
        assert driver.returncode == 0, errors
    study = open_study(tmp_path / STUDY)
    assert [record.number for record in study.records] == list(range(10))
    assert {record.state for record in study.records} == {"complete"}
    assert all([one.epoch for one in study.reports[record.number]] == [1, 2, 3] for record in study.records)
    assert errors.count("it resumes from its last checkpoint") >= 2
    assert errors.count("left the cluster: 1 worker fewer") == 2
    assert errors.count("joined the cluster: 1 worker more") == 1
    assert "Traceback" not in errors
    verified = mgnas("verify", STUDY, cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout


def test_a_node_without_the_files_of_the_driver_gets_images_and_sends_checkpoints_back(
    tmp_path: Path,
) -> None:
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not hide a folder from a process")
    chosen = ("--set", "search.sampler=frontier", "--workers", "1")
    found = []
    for name in ("local", "away"):
        home = tmp_path / name
        home.mkdir()
        write_study(home, trials=5, epochs=6)
        if name == "local":
            run = mgnas("search", "tiny.toml", *chosen, cwd=home)
        else:
            away = tmp_path / "temporary"
            away.mkdir()
            with nodes_on_this_machine(0) as nodes, nodes.added_without(home, {"TMPDIR": str(away)}):
                place = ("--set", f"search.address={nodes.address}")
                run = mgnas_process(
                    "search", "tiny.toml", *chosen, *ON_RAY, *place, cwd=home, timeout=2 * MOST_S
                )
        assert run.returncode == 0, run.stderr
        found.append(curves(home))
    assert found[0] == found[1]
    with reading_ledger(home / STUDY) as ledger:
        assert "pause" in {event.kind for event in ledger.timeline()}, "a checkpoint travelled"
    assert len(list(away.glob("mgnas-*/images/*/images.npz"))) == 1
    assert not list(away.glob("mgnas-*/studies/*/training-*"))
    assert not list((home / STUDY / "logs").glob("worker-*"))
    for record in open_study(home / STUDY).front_records:
        assert record.weights is not None
        read_trained(home / STUDY / record.weights)


def test_a_node_without_the_files_of_the_driver_gets_the_teacher(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not hide a folder from a process")
    accuracies = []
    for name, executor in (("local", ()), ("ray", ON_RAY)):
        home, away = tmp_path / name, tmp_path / f"{name}-away"
        home.mkdir()
        away.mkdir()
        write_images(home)
        images = ("--data", "npz:images.npz", "--epochs", "3", "--set", "execution.channels_last=true")
        exact = (*images, "--set", "train.precision=float32", "--threads", "1")
        big = mgnas("train", "MgNet[1]-8-B^l", *exact, "-o", "big", cwd=home)
        assert big.returncode == 0, big.stderr
        student = ("train", "MgNet[1]-2-B^l", *exact, "-o", "student", "--teacher", "big")
        if not executor:
            run = mgnas(*student, cwd=home)
        else:
            with nodes_on_this_machine(0) as nodes, nodes.added_without(home, {"TMPDIR": str(away)}):
                place = ("--set", f"search.address={nodes.address}")
                run = mgnas_process(*student, *executor, *place, cwd=home)
        assert run.returncode == 0, run.stderr
        accuracies.append([report.val_loss for report in open_study(home / "student").reports[0]])
    assert accuracies[0] == accuracies[1]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_the_search_and_the_ray_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    gate = write_gated_study(tmp_path, trials=2)
    gate.enter(monkeypatch)
    with search_on_ray(tmp_path) as driver:
        gate.wait_for(1, driver)
        assert len(processes_with(MARK, str(tmp_path))) > 3
        for _ in range(times):
            os.killpg(driver.pid, signal.SIGINT)
            time.sleep(0.2)
        _, errors = driver.communicate(timeout=MOST_S)
    assert driver.returncode == 130, errors
    assert "Traceback" not in errors
    assert "mgnas search" in errors.splitlines()[-1]
    assert not processes_with(MARK, str(tmp_path))
    gate.open()
    run = mgnas("search", STUDY, "--set", "search.executor=local", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert open_study(tmp_path / STUDY).num_finished == 2
