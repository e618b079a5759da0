"""A study's folder: made, recognised, locked against a second driver, and never overwritten."""

from __future__ import annotations

import fcntl
import os
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from results.records import TrialRecord
from results.study import CONFIG, DATABASE
from search.config import StudyConfig
from space.errors import InvalidInputError
from space.files import write_atomic

LOCK = ".lock"
_SETTLE_S = 1.0


class StudyFolder:
    """Paths of a study's folder; nothing is touched before ``locked``."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.checkpoints = self.path / "checkpoints"
        self.logs = self.path / "logs"

    @property
    def has_study(self) -> bool:
        """Whether a study was begun here: its configuration is the first file that is written."""
        return (self.path / CONFIG).exists()

    def check(self) -> None:
        """Raise InvalidInputError if a driver is at work here, or the path holds something else."""
        if self.is_locked():
            raise InvalidInputError(self._busy())
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInputError(f"{self.path} is a file; a study needs a folder (--dir)")
        if self.has_study or not self.path.exists():
            return
        found = sorted(entry.name for entry in self.path.iterdir() if entry.name != LOCK)
        if found:
            what = f"{DATABASE} but no {CONFIG}" if DATABASE in found else f"something else ({found[0]})"
            raise InvalidInputError(f"{self.path} holds {what}; choose another folder with --dir")

    def read_config(self) -> StudyConfig:
        """Return the configuration that the study here was run with.

        Raises:
            InvalidInputError: the file cannot be read or is damaged.
        """
        path = self.path / CONFIG
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInputError(
                f"{path} is damaged ({error}); restore it from a copy, or choose another --dir"
            ) from None
        return StudyConfig.parse(tables, str(path))

    def write_config(self, config: StudyConfig) -> None:
        """Write the resolved configuration; OSError goes to the caller."""
        header = (
            "# The configuration of this study, as run. Written by mgnas; change it with 'mgnas search'.\n"
        )
        write_atomic(self.path / CONFIG, header + config.to_toml())

    def clean_up(self, records: Iterable[TrialRecord]) -> None:
        """Delete what killed processes left behind: half-written files, and weights no trial speaks of."""
        kept = {record.weights for record in records}
        for file in self.path.glob(".*.part"):
            file.unlink(missing_ok=True)
        for file in self.checkpoints.glob("*"):
            if str(file.relative_to(self.path)) not in kept:
                file.unlink(missing_ok=True)

    def _busy(self) -> str:
        return f"another search is running in {self.path}; wait for it, or choose another --dir"

    def is_locked(self) -> bool:
        """Whether a driver is at work here."""
        try:
            with (self.path / LOCK).open("rb") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
                return False
        except BlockingIOError:
            return True
        except OSError:
            return False  # never searched in, or not ours to read

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is made if need be, against other drivers. A killed driver lets go of it.

        Raises:
            InvalidInputError: another driver holds it, or the folder cannot be made.
        """
        self.check()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / LOCK).open("a+", encoding="utf-8")
        except OSError as error:
            raise InvalidInputError(
                f"cannot write to {self.path}: {error.strerror}; choose another --dir"
            ) from None
        with file:
            self._acquire(file.fileno())
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def _acquire(self, descriptor: int) -> None:
        deadline = time.monotonic() + _SETTLE_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise InvalidInputError(self._busy()) from None
                time.sleep(0.05)
