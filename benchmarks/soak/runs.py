"""The runs of a soak: start the search, kill at random, measure, and start it again until it is complete."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.soak.books import ended_trials, unneeded_files
from benchmarks.soak.kills import Killer
from benchmarks.soak.processes import Process, environment_in, orphans_in, processes_in, send
from benchmarks.soak.search import Searched, SoakFolder
from results.storage.location import SQLITE
from results.storage.study_files import DATABASE
from space.core.errors import MgnasError

SAMPLE_S = 2.0
MOST_IDLE_RUNS = 25
"""Runs in a row without a further ended trial after which a soak gives up."""
STOPPED = {-number for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)} | {130, 143}
NO_WORKER = "do not start"
"""A driver whose workers were all killed three times before they were ready ends with exit code 1."""


@dataclass(frozen=True)
class Sample:
    """The state of a soak at one moment. Memory and sizes are in MiB; workers by their largest one."""

    at_s: float
    ended: int
    processes: int
    driver_mib: float
    worker_mib: float
    driver_files: int
    worker_files: int
    study_mib: float
    database_mib: float
    checkpoints: int
    unneeded: int
    temporary: int


class Soak:
    """A soak in a folder; its log makes it resumable.

    Args:
        folder: The files.
        searched: The search.
        seed: The seed of the kills.
        every_s: The mean time between two kills.
    """

    def __init__(self, folder: SoakFolder, searched: Searched, seed: int, every_s: float) -> None:
        self.folder = folder
        self.searched = searched
        self._seed, self._every_s = seed, every_s
        self._began = time.monotonic()

    def run(self, most_s: float | None = None) -> bool:
        """Run until the study is complete.

        Args:
            most_s: Seconds after which the current run of the driver is the last one; None for no limit.

        Returns:
            Whether the study is complete.
        """
        number = sum(line["kind"] == "run" for line in self.lines())
        idle, ended = 0, self._ended()
        while idle < MOST_IDLE_RUNS:
            code = self._run_once(number)
            if code == 0:
                return True
            if most_s is not None and time.monotonic() - self._began > most_s:
                return False
            number += 1
            idle = 0 if self._ended() > ended else idle + 1
            ended = max(ended, self._ended())
        self._problem(f"{MOST_IDLE_RUNS} runs in a row ended no trial")
        return False

    def lines(self) -> list[dict[str, Any]]:
        """Return the log of the soak: its runs, kills, samples and problems."""
        if not self.folder.log.exists():
            return []
        return [json.loads(line) for line in self.folder.log.read_text("utf-8").splitlines()]

    def _run_once(self, number: int) -> int:
        began = time.monotonic()
        self._write("run", number=number)
        driver = self.folder.start(environment_in(self.folder.home, {"TMPDIR": str(self.folder.temporary)}))
        try:
            code = self._watch(driver, Killer(self._seed, number, self._every_s))
        finally:
            send(driver.pid, signal.SIGKILL)
            driver.wait()
        seconds = time.monotonic() - began
        self._check_end(code)
        self._write("end", number=number, code=code, seconds=round(seconds, 1))
        return code

    def _watch(self, driver: subprocess.Popen[bytes], killer: Killer) -> int:
        sampled_s = 0.0
        while (code := driver.poll()) is None:
            if kill := killer.strike(driver.pid, lambda: processes_in(self.folder.home)):
                self._write("kill", victims=kill.victims, signal=kill.signal.name)
            if time.monotonic() - sampled_s >= SAMPLE_S:
                sampled_s = time.monotonic()
                with suppress(MgnasError, sa.exc.SQLAlchemyError, OSError):
                    self._write("sample", **asdict(self._sample(driver.pid)))
            time.sleep(0.05)
        return code

    def _check_end(self, code: int) -> None:
        for orphan in orphans_in(self.folder.home):
            self._problem(f"a process outlived the driver: {orphan.title[:200]}")
            send(orphan.pid, signal.SIGKILL)
        said = self.folder.stderr.read_text("utf-8", errors="replace")
        if "Traceback" in said:
            self._problem(f"a run said: {said[-3000:]}")
        if code not in STOPPED | {0} and not (code == 1 and NO_WORKER in said):
            self._problem(f"a run ended with exit code {code}: {said[-500:]}")

    def _sample(self, driver: int) -> Sample:
        processes = processes_in(self.folder.home)
        of_driver = [one for one in processes if one.pid == driver]
        workers = [one for one in processes if one.is_worker]
        study = self.folder.study
        return Sample(
            at_s=round(time.monotonic() - self._began, 1),
            ended=self._ended(),
            processes=len(processes),
            driver_mib=_most_mib(of_driver),
            worker_mib=_most_mib(workers),
            driver_files=_most_files(of_driver),
            worker_files=_most_files(workers),
            study_mib=_size_mib(study),
            database_mib=self._database_mib(),
            checkpoints=sum(1 for _ in (study / "checkpoints").glob("*")),
            unneeded=len(unneeded_files(study)),
            temporary=len(self.folder.temporary_files()),
        )

    def _ended(self) -> int:
        try:
            states = ended_trials(self.folder.study)
        except MgnasError:
            return 0
        return states["complete"] + states["failed"] + states["stopped"]

    def _database_mib(self) -> float:
        if self.searched.storage == SQLITE:
            return _size_mib(self.folder.study, f"{DATABASE}*")
        engine = sa.create_engine(self.searched.storage, poolclass=sa.NullPool)
        with engine.connect() as connection:
            size = connection.execute(sa.text("SELECT pg_database_size(current_database())")).scalar()
        return round(int(size or 0) / 2**20, 2)

    def _problem(self, text: str) -> None:
        self._write("problem", text=text)

    def _write(self, kind: str, **fields: Any) -> None:
        with self.folder.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps({"kind": kind} | fields) + "\n")


def _most_mib(processes: list[Process]) -> float:
    return round(max((one.resident_mib for one in processes), default=0.0), 1)


def _most_files(processes: list[Process]) -> int:
    return max((one.open_files for one in processes), default=0)


def _size_mib(folder: Path, pattern: str = "**/*") -> float:
    total = 0
    for file in folder.glob(pattern):
        with suppress(OSError):
            total += file.stat().st_size if file.is_file() else 0
    return round(total / 2**20, 2)
