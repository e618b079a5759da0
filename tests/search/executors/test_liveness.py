"""Workers that hang are named, named again when they continue, and replaced beyond a limit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from search.executors.liveness import FIRST_EPOCH_S, SILENT_S, HangLimits, Liveness, WakingClock
from search.executors.messages import Beat, Epoch
from space.core.reports import EpochReport
from tests.search.study.test_faults import STUDY, wait_until_busy, worker_of
from tests.support.command_line import mgnas
from tests.support.studies import write_study
from tests.support.waiting import wait_until
from tests.support.warm_workers import command_with_warm_workers

LIMITS = HangLimits(max_silence_s=100, stall_epochs=10)


class Watch:
    def __init__(self, *, is_busy: bool = True) -> None:
        self.now_s = 0.0
        self.work = 0
        self.is_busy = is_busy
        self.liveness = Liveness(lambda: self.now_s, LIMITS)

    def go(self, seconds: float, *, beats: bool = True, works: bool = False) -> tuple[str, bool] | None:
        """Let time pass in steps of a second; return what the worker does not do, and if that is too long."""
        hang = None
        for _ in range(round(seconds)):
            self.now_s += 1.0
            self.work += works
            if beats:
                self.liveness.hear(Beat(self.work))
            hang = self.liveness.hang(is_busy=self.is_busy)
        return None if hang is None else (hang.what, hang.is_over_limit)

    def end_epoch(self, seconds: float) -> None:
        self.liveness.hear(Epoch(0, EpochReport(1, 1.0, 1.0, 0.5, seconds)))


@pytest.mark.parametrize("is_busy", [True, False])
def test_process_without_beats_is_silent_until_the_next_one(is_busy: bool) -> None:
    watch = Watch(is_busy=is_busy)
    assert watch.go(SILENT_S - 1, beats=False) is None
    assert watch.go(1, beats=False) == ("sent no heartbeat", False)
    assert watch.go(1) is None


def test_process_without_beats_is_over_the_limit_after_max_silence() -> None:
    watch = Watch()
    assert watch.go(LIMITS.max_silence_s - 1, beats=False) == ("sent no heartbeat", False)
    assert watch.go(1, beats=False) == ("sent no heartbeat", True)


@pytest.mark.parametrize("epoch_s", [1, 20])
def test_training_without_progress_is_measured_by_its_longest_epoch(epoch_s: int) -> None:
    watch = Watch()
    watch.end_epoch(epoch_s)
    watch.end_epoch(epoch_s / 2)
    limit_s = max(LIMITS.max_silence_s, LIMITS.stall_epochs * epoch_s)
    assert watch.go(limit_s / 2 - 1) is None
    assert watch.go(limit_s / 2) == ("made no progress", False)
    assert watch.go(1) == ("made no progress", True)
    watch.end_epoch(epoch_s)
    assert watch.go(1) is None


def test_long_first_epoch_with_steps_is_progress() -> None:
    watch = Watch()
    assert watch.go(10 * FIRST_EPOCH_S, works=True) is None
    assert watch.go(FIRST_EPOCH_S - 1) == ("made no progress", False)
    assert watch.go(1) == ("made no progress", True)


def test_idle_worker_needs_no_progress() -> None:
    assert Watch(is_busy=False).go(10 * FIRST_EPOCH_S) is None


def test_clock_does_not_count_the_time_in_which_its_process_was_stopped() -> None:
    times = iter([0.0, 1.0, 2.0, 302.0, 303.0])
    clock = WakingClock(lambda: next(times))
    assert [clock() for _ in range(4)] == [1.0, 2.0, 3.0, 4.0]


def test_driver_that_was_stopped_blames_no_worker() -> None:
    now_s = [0.0]
    clock = WakingClock(lambda: now_s[0])
    liveness = Liveness(clock, LIMITS)
    now_s[0] += 10 * LIMITS.max_silence_s
    assert liveness.hang(is_busy=True) is None


@pytest.mark.slow
def test_a_stopped_worker_is_named_in_every_place_and_goes_on(tmp_path: Path) -> None:
    write_study(tmp_path, trials=2, epochs=300, images=4000)
    changes = "import search.executors.liveness as liveness; liveness.SILENT_S = 8.0"
    with subprocess.Popen(
        command_with_warm_workers("search", "tiny.toml", changes=changes),
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    ) as driver:  # fmt: skip
        try:
            wait_until_busy(tmp_path, 2)
            worker = worker_of(tmp_path)
            assert driver.stderr is not None
            os.kill(worker, signal.SIGSTOP)
            line = next(line for line in driver.stderr if "sent no heartbeat" in line)
            assert "the other workers continue" in line
            trial = int(line.split()[1].rstrip(":"))

            def silent() -> list[int]:
                found: list[int] = json.loads(mgnas("status", STUDY, "--json", cwd=tmp_path).stdout)["silent"]
                return found

            assert wait_until(silent, "a silent worker", within=driver) == [trial]
            assert "their workers hang" in mgnas("status", STUDY, cwd=tmp_path).stdout
            log = tmp_path / STUDY / "logs" / "search.log"
            assert "sent no heartbeat" in log.read_text("utf-8")
            os.kill(worker, signal.SIGCONT)
            assert next(line for line in driver.stderr if f"trial {trial}: its worker continues" in line)
        finally:
            driver.kill()
