"""A real small search in processes of its own, and the checks that hold after every fault."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from results.open import Study, open_study
from results.storage.reading import reading_ledger
from space.core.errors import MgnasError
from tests.support.command_line import command, mgnas
from tests.support.waiting import MOST_S

TRIALS = 6
Curves = dict[int, list[tuple[int, float, float]]]


class SmallSearch:
    """``mgnas search tiny.toml`` in a folder, with injected faults.

    Attributes:
        home: The current folder of the search.
        folder: The folder of the study.
        process: The driver; None before ``start``.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "runs" / "tiny"
        self.process: subprocess.Popen[bytes] | None = None
        self._stderr = home / "stderr.txt"

    # -- processes ---------------------------------------------------------------------------------------

    def start(self, *options: str, within: Sequence[str] = ()) -> None:
        """Start the driver; ``within`` is a command that runs it."""
        with self._stderr.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*within, *command("search", "tiny.toml", *options)],
                cwd=self.home,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                start_new_session=True,
            )

    @property
    def driver(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def stderr(self) -> str:
        """What the last run of the driver said so far."""
        return self._stderr.read_text("utf-8", errors="replace")

    def wait(self, timeout_s: float = MOST_S) -> int:
        """Return the exit code of the driver."""
        assert self.process is not None
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the search does not end:\n{self.stderr}") from None

    def wait_until(self, holds: Callable[[], object], what: str, timeout_s: float = MOST_S) -> None:
        """Wait until ``holds`` returns something true while the driver runs."""
        assert self.process is not None
        deadline = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < deadline, f"not in {timeout_s:.0f} s: {what}\n{self.stderr}"
            assert self.process.poll() is None, f"the search ended before: {what}\n{self.stderr}"
            time.sleep(0.05)

    def wait_until_said(self, text: str, timeout_s: float = MOST_S) -> None:
        self.wait_until(lambda: text in self.stderr, text, timeout_s)

    def wait_for_epochs(self, num: int) -> None:
        """Wait until the ledger holds so many epochs."""
        self.wait_until(lambda: sum(map(len, self.curves().values())) >= num, f"{num} epochs")

    def wait_for_workers(self, num: int = 2) -> None:
        self.wait_until(lambda: len(self.workers()) >= num, f"{num} workers")

    def workers(self) -> list[int]:
        """Return the processes of the workers, in the order of their slots."""
        found = [pid for pid in self.processes() if self.slot(pid) is not None]
        return sorted(found, key=lambda pid: (self.slot(pid), pid))

    def busy_worker(self) -> int:
        """Wait until a worker has trained an epoch of the trial that it still trains, and return its process.

        The driver replaces a worker that is still loading without a word.
        """
        found: list[int] = []

        def look() -> bool:
            began = {job["trial"]: job["pid"] for job in self.logged("job_began")}
            ended = {job["trial"] for job in self.logged("job_ended")}
            found[:] = [
                began[trial]
                for trial, curve in self.curves().items()
                if curve and trial in began.keys() - ended
            ]
            return bool(found)

        self.wait_until(look, "a worker with an epoch")
        return found[0]

    def slot(self, pid: int) -> int | None:
        """Return the slot of a worker, from the name of its log; None for another process."""
        with suppress(OSError):
            found = re.search(r"worker-(\d+)\.log", str(Path(f"/proc/{pid}/fd/2").readlink()))
            return int(found[1]) if found else None
        return None

    def processes(self) -> list[int]:
        """Return all living processes in the folder of the search, without this one."""
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                state = (place / "stat").read_text().rpartition(")")[2].split()[0]
                if (
                    state != "Z"
                    and (place / "cwd").readlink() == self.home
                    and int(place.name) != os.getpid()
                ):
                    found.append(int(place.name))
        return found

    def send(self, pid: int, blow: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, blow)

    def kill(self) -> None:
        """Kill the driver, if it runs, and wait until its workers are gone."""
        if self.process is not None and self.process.poll() is None:
            self.send(self.driver, signal.SIGKILL)
            self.process.wait()
        self.wait_for_no_process()

    def wait_for_no_process(self, timeout_s: float = MOST_S) -> None:
        deadline = time.monotonic() + timeout_s
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.05)

    # -- records -----------------------------------------------------------------------------------------

    def study(self) -> Study | None:
        """Return the study; None before it is made."""
        try:
            return open_study(self.folder)
        except MgnasError:
            return None

    def curves(self) -> Curves:
        """Return the recorded epochs of each trial: epoch, training loss, validation accuracy."""
        study = self.study()
        return {
            trial: [(report.epoch, report.train_loss, report.val_accuracy) for report in reports]
            for trial, reports in (study.reports if study else {}).items()
        }

    def kinds(self) -> Counter[tuple[str, int | None]]:
        """Return how often the ledger holds each kind of event, for each trial."""
        with reading_ledger(self.folder) as ledger:
            return Counter((one.kind, one.trial) for one in ledger.timeline())

    def num(self, kind: str) -> int:
        return sum(count for (name, _), count in self.kinds().items() if name == kind)

    def has_begun(self, trial: int, *, restarts: int) -> bool:
        """Return whether a trial has an epoch since it was resumed so often."""
        study = self.study()
        if study is None or not study.records:
            return False
        with reading_ledger(self.folder) as ledger:
            kinds = [one.kind for one in ledger.timeline() if one.trial == trial]
        since = kinds[::-1].index("restart") if restarts and "restart" in kinds else len(kinds)
        return kinds.count("restart") == restarts and "report" in kinds[len(kinds) - since :]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of the event log with this event."""
        text = (self.folder / "logs" / "events.jsonl").read_text("utf-8")
        return [line for line in map(json.loads, text.splitlines()) if line["event"] == event]

    # -- checks ------------------------------------------------------------------------------------------

    def check_end_of_run(self) -> None:
        """Check what holds after a run that a fault ended: one line, no traceback, no process."""
        self.wait_for_no_process()
        assert self.processes() == [], "processes outlived the driver"
        assert "Traceback" not in self.stderr, self.stderr
        assert sum(line.startswith("mgnas: ") for line in self.stderr.splitlines()) <= 1, self.stderr

    def finish(self, before: Curves, *, failed: int = 0, is_verified: bool = True) -> Study:
        """Run the same command again to its end, and check the books.

        Args:
            before: The epochs that were recorded before.
            failed: The number of trials that may have failed.
            is_verified: Whether ``mgnas verify`` repeats the decisions; no, if an epoch was trained twice.
        """
        self.start()
        assert self.wait() == 0, self.stderr
        self.check_end_of_run()
        return self.check_books(before, failed=failed, is_verified=is_verified)

    def check_books(self, before: Curves, *, failed: int = 0, is_verified: bool = True) -> Study:
        """Check a complete study; the arguments are those of ``finish``."""
        study, after, kinds = open_study(self.folder), self.curves(), self.kinds()
        states = Counter(record.state for record in study.records)
        assert [record.number for record in study.records] == list(range(TRIALS))
        assert states["failed"] == failed
        assert states["complete"] == TRIALS - failed
        for number in range(TRIALS):
            assert kinds["start", number] == 1
            assert kinds["finish", number] == (study.records[number].state == "complete")
        for record in study.records:
            epochs = [epoch for epoch, _, _ in after.get(record.number, [])]
            assert epochs == list(range(1, record.epochs + 1))
            assert record.state == "failed" or record.epochs == record.max_epochs
        for trial, epochs_before in before.items():
            assert after[trial][: len(epochs_before)] == epochs_before, f"trial {trial} lost epochs"
        for record in study.front_records:
            assert (self.folder / str(record.weights)).is_file()
        assert not list(self.folder.rglob("*.part"))
        for log in self.folder.glob("logs/*.log"):
            assert "Traceback" not in log.read_text("utf-8", errors="replace"), log
        verified = mgnas("verify", self.folder, cwd=self.home)
        assert verified.returncode == (0 if is_verified else 2), verified.stderr + verified.stdout
        return study
