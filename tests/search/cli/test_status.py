"""``mgnas status``: one reading, and a watch that ends with its search."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from results.open import open_study
from search.cli import status
from search.cli.status_screen import status_renderable
from search.study.components import make_ask_tell
from search.study.folder import StudyFolder
from search.study.store import StudyStore
from space.config import SpaceConfig
from space.core.reports import EpochReport
from space.search_space import SearchSpace
from tests.support.command_line import command, mgnas
from tests.support.factories import make_header
from tests.support.waiting import MOST_S

SPACE = SearchSpace(SpaceConfig.model_validate({"c_u": [2, 3, 4], "levels": [1, 2]}), in_channels=1)
WATCH = ("--watch", "--interval", "0.1")


@contextmanager
def a_search(folder: Path, *, epochs: int = 2) -> Iterator[StudyStore]:
    """A driver on two workers: it holds the lock, and trial 0 has trained some of nine epochs."""
    with StudyFolder(folder).locked():
        (folder / "study.toml").write_text('name = "test"\n', encoding="utf-8")
        with closing(StudyStore.create(folder, make_header(trials=1), SPACE)) as store:
            store.ledger.write_event("begin", 0.0, workers=2, rungs=[1, 3, 9])
            proposal = make_ask_tell("random", SPACE, seed=0).ask(0)
            assert proposal is not None
            store.start(proposal, seed=0, max_epochs=9, clock_s=1.0)
            for epoch in range(1, epochs + 1):
                store.report(0, EpochReport(epoch, 0.5, 0.5, 0.75, 1.0), clock_s=1.0 + epoch)
            yield store


@contextmanager
def soon(act: Callable[[], object]) -> Iterator[None]:
    """Call ``act`` when the watch waits for the second time: it has shown two statuses."""
    wait, waits = status._wait, itertools.count(1)

    def wait_and_act(folder: Path, interval_s: float) -> None:
        if next(waits) == 2:
            act()
        wait(folder, interval_s)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(status, "_wait", wait_and_act)
        yield


def nothing(_: StudyStore) -> None:
    pass


@contextmanager
def a_search_that_ends(folder: Path, end: Callable[[StudyStore], object]) -> Iterator[None]:
    """A driver in a thread that ends soon, after ``end``."""
    ready, stop = threading.Event(), threading.Event()

    def drive() -> None:
        with a_search(folder) as store:
            ready.set()
            stop.wait()
            end(store)

    driver = threading.Thread(target=drive)
    driver.start()
    assert ready.wait(MOST_S)
    with soon(stop.set):
        yield
    driver.join()


def test_status_of_a_search_names_workers_rungs_front_and_rates(tmp_path: Path) -> None:
    with a_search(tmp_path / "study"):
        facts = json.loads(mgnas("status", "study", "--json", cwd=tmp_path).stdout)
        text = mgnas("status", "study", cwd=tmp_path).stdout
    assert facts["is_running"]
    assert (facts["workers"], facts["front_size"], facts["best_accuracy"]) == (2, 0, None)
    training = facts["running_trials"][0]
    assert (training["worker"], training["epochs"], training["until"], training["silent"]) == (1, 2, 3, False)
    assert training["for_s"] >= 0.0
    assert [rung["running"] for rung in facts["rungs"]] == [0, 1, 0]
    assert facts["epochs_per_hour"] == pytest.approx(60 * facts["epochs_per_min"])
    assert facts["trials_per_hour"] is None
    for words in ("not complete, running", "none yet", "epoch 3 ", "worker 1", "trial 0: epoch 2/9, since "):
        assert words in text
    assert "epochs/h, ? trials/h" in text


def test_status_of_a_search_that_has_just_resumed_counts_no_pause(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    with a_search(folder):
        pass
    with StudyFolder(folder).locked():
        time.sleep(0.05)
        facts = open_study(folder).status()
    assert (facts["workers"], facts["left_s"], facts["epochs_per_min"]) == (0, None, None)
    assert facts["running_trials"][0]["worker"] is None


def test_watch_ends_when_the_study_is_complete(tmp_path: Path) -> None:
    with a_search_that_ends(tmp_path / "study", lambda store: store.fail(0, "no memory", 9.0)):
        run = mgnas("status", "study", *WATCH, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.count("not complete, running") >= 2
    assert run.stdout.splitlines()[-1].startswith("the study is complete; ")


def test_watch_ends_when_the_driver_is_gone(tmp_path: Path) -> None:
    with a_search_that_ends(tmp_path / "study", nothing):
        run = mgnas("status", "study", *WATCH, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines()[-1] == "no search runs in study; 'mgnas search study' resumes it"


def test_watch_prints_lines_of_json(tmp_path: Path) -> None:
    with a_search_that_ends(tmp_path / "study", nothing):
        run = mgnas("status", "study", *WATCH, "--json", cwd=tmp_path)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["is_running"] for line in lines] == [*[True] * (len(lines) - 1), False]
    assert len(lines) >= 3
    assert all({"time", "trials", "epochs", "front_size"} <= line.keys() for line in lines)


def test_watch_of_a_folder_that_vanishes_ends_with_one_line(tmp_path: Path) -> None:
    with a_search(tmp_path / "study"), soon(lambda: shutil.move(tmp_path / "study", tmp_path / "moved")):
        run = mgnas("status", "study", *WATCH, cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr == "mgnas: study no longer holds the study; it was moved or deleted\n"


def test_watch_does_not_keep_the_search_from_writing(tmp_path: Path) -> None:
    def train_on(store: StudyStore) -> None:
        store.wait.limit_s = 0.0
        for epoch in range(3, 10):
            store.report(0, EpochReport(epoch, 0.5, 0.5, 0.75, 1.0), clock_s=1.0 + epoch)

    with a_search_that_ends(tmp_path / "study", train_on):
        assert mgnas("status", "study", *WATCH, cwd=tmp_path).returncode == 0
    assert open_study(tmp_path / "study").status()["epochs"] == 9


def test_ctrl_c_ends_a_watch_without_a_traceback(tmp_path: Path) -> None:
    with a_search(tmp_path / "study"):
        arguments = command("status", "study", *WATCH, "--json")
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(arguments, cwd=tmp_path, **streams) as watch:
            assert watch.stdout is not None
            assert json.loads(watch.stdout.readline())["is_running"]
            watch.send_signal(signal.SIGINT)
            _, stderr = watch.communicate(timeout=MOST_S)
    assert (watch.returncode, stderr) == (130, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--interval", "1"], "--interval requires --watch"),
        (["--watch", "--interval", "0"], "--interval must be from 0.1 to 86,400 seconds, but got 0"),
        (["--watch", "--interval", "nan"], "--interval must be from 0.1 to 86,400 seconds, but got nan"),
    ],
)
def test_wrong_intervals_are_one_line(tmp_path: Path, options: list[str], message: str) -> None:
    run = mgnas("status", "study", *options, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (2, f"mgnas: {message}\n")


def test_the_screen_lists_each_worker(tmp_path: Path) -> None:
    with a_search(tmp_path / "study"):
        study = open_study(tmp_path / "study")
        facts = study.status()
    facts["running_trials"][0]["silent"] = True
    facts["given_up"] = [{"slot": 1, "device": "cuda:1", "reason": "the last one ended", "log": "a.log"}]
    console = Console(file=io.StringIO(), width=100)
    console.print(status_renderable(study, facts))
    assert isinstance(console.file, io.StringIO)
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["worker", "trial", "epoch", "since", "parameters", "network"] in rows
    assert ["2", "-", "no", "training"] in rows
    assert any(row[:6] == ["1", "0", "2/9", "its", "worker", "hangs"] for row in rows)
    given_up = next(row for row in rows if row[:2] == ["given", "up"])
    assert " ".join(given_up[2:]) == "worker 1 on cuda:1 does not start: the last one ended; see a.log"
