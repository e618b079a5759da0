"""Hanging workers are named, and named again when they continue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search.executors.liveness import FIRST_EPOCH_S, GAP_S, SILENT_S, STALL_EPOCHS, Liveness
from search.executors.messages import Beat, Epoch
from space.core.reports import EpochReport
from tests.search.study.test_faults import STUDY, wait_until_busy, workers_of
from tests.support.command_line import mgnas
from tests.support.studies import write_study

REPORT = EpochReport(1, 1.0, 1.0, 0.5, 1.0)


class Watch:
    def __init__(self) -> None:
        self.now_s = 0.0
        self.liveness = Liveness(lambda: self.now_s)

    def go(self, seconds: float, *, beats: bool = True) -> str | None:
        """Let time pass in steps of a second, and return why the worker seems to hang, if it does."""
        why = None
        for _ in range(round(seconds)):
            self.now_s += 1.0
            if beats:
                self.liveness.hear(Beat())
            why = self.liveness.why_silent()
        return why[0] if why else None


def test_a_process_without_beats_is_silent_until_the_next_one() -> None:
    watch = Watch()
    assert watch.go(SILENT_S - 1, beats=False) is None
    assert watch.go(1, beats=False) == "its worker sends no heartbeat"
    assert watch.go(1) is None


@pytest.mark.parametrize("epoch_s", [1, 20])
def test_a_training_without_progress_is_named_by_its_own_epochs(epoch_s: int) -> None:
    watch = Watch()
    for _ in range(3):
        assert watch.go(epoch_s) is None
        watch.liveness.hear(Epoch(0, REPORT))
    limit_s = max(SILENT_S, STALL_EPOCHS * epoch_s)
    assert watch.go(limit_s - 1) is None
    assert watch.go(1) == "its training makes no progress"
    watch.liveness.hear(Epoch(0, REPORT))
    assert watch.go(1) is None


def test_the_first_epoch_may_take_long() -> None:
    watch = Watch()
    assert watch.go(FIRST_EPOCH_S - 1) is None
    assert watch.go(1) == "its training makes no progress"


def test_a_driver_that_stood_still_itself_blames_no_worker() -> None:
    watch = Watch()
    watch.now_s += SILENT_S + GAP_S
    assert watch.liveness.why_silent() is None


@pytest.mark.slow
def test_a_stopped_worker_is_named_in_every_place_and_goes_on(tmp_path: Path) -> None:
    write_study(tmp_path, trials=2, epochs=300, images=4000)
    code = (
        "import search.executors.liveness as liveness; liveness.SILENT_S = 8.0; "
        "from search.cli.main import main; main()"
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code, "search", "tiny.toml"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as driver:  # fmt: skip
        try:
            wait_until_busy(tmp_path, 2)
            worker = workers_of(driver)[0]
            assert driver.stderr is not None
            os.kill(worker, signal.SIGSTOP)
            line = next(line for line in driver.stderr if "sends no heartbeat" in line)
            assert "the other workers continue" in line
            trial = int(line.split()[1].rstrip(":"))
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                facts = json.loads(mgnas("status", STUDY, "--json", cwd=tmp_path).stdout)
                if facts["silent"]:
                    break
            assert facts["silent"] == [trial]
            assert "their workers hang" in mgnas("status", STUDY, cwd=tmp_path).stdout
            log = tmp_path / STUDY / "logs" / "search.log"
            assert "sends no heartbeat" in log.read_text("utf-8")
            os.kill(worker, signal.SIGCONT)
            assert next(line for line in driver.stderr if f"trial {trial}: its worker continues" in line)
        finally:
            driver.kill()
