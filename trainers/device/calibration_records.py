"""Records of calibrations on disk: what was measured, when, under which load, and what was chosen."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, PositiveFloat, TypeAdapter, ValidationError

from space.core.atomic_files import write_atomic

BUSY = 0.2
"""Share of the CPU cores used by other processes from which on a measurement is doubtful."""
RENEW_AFTER = timedelta(hours=1)
"""A doubtful measurement is repeated by later studies, at most once in this period."""


class Record(BaseModel):
    """One measurement.

    Attributes:
        date: When it ended, in UTC.
        load: Load average of one minute per CPU core when it began; None where the system has none.
        others: Share of the CPU cores that other processes used meanwhile; None where unknown.
        rounds: How often all was measured.
        agreed: Whether two rounds agreed in choice and time.
        times_s: Least seconds of each way that was tried.
        chosen: The fastest way, a key of ``times_s``.
        choice: The settings of the fastest way.
        drift: Time of the fastest way since, over the measured one, if they are far apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    date: AwareDatetime
    load: float | None
    others: float | None
    rounds: int
    agreed: bool
    times_s: dict[str, PositiveFloat]
    chosen: str
    choice: dict[str, bool | int | None] = {}
    drift: float | None = None

    @property
    def step_s(self) -> float:
        """Seconds of the fastest way."""
        return self.times_s[self.chosen]

    def doubts(self) -> list[str]:
        """Return why the measurement is doubtful, each reason in a few words; empty if it is not."""
        found = []
        if self.others is not None and self.others > BUSY:
            found.append(f"other processes used {100 * self.others:.0f} % of the CPU")
        if not self.agreed:
            found.append(f"{self.rounds} rounds disagreed")
        if self.drift is not None:
            is_slower = self.drift > 1
            factor = self.drift if is_slower else 1 / self.drift
            found.append(f"later, training was {factor:.1f} times {'slower' if is_slower else 'faster'}")
        return found

    def is_due(self, now: datetime | None = None) -> bool:
        """Return whether a new study measures again: the record is doubtful and old enough."""
        age = abs((now or datetime.now(UTC)) - self.date)
        return bool(self.doubts()) and age >= RENEW_AFTER


_RECORDS = TypeAdapter(dict[str, Record])


def cache_folder() -> Path:
    """Return where mgnas keeps what belongs to the machine and not to a study."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "mgnas"


def calibrations_folder() -> Path:
    """Return the user's folder of calibrations, one file for each device and version of torch."""
    return cache_folder() / "calibration"


def read_records(path: Path) -> dict[str, Record]:
    """Return the records of a file by their keys; empty if it is missing or damaged."""
    try:
        found = _RECORDS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}
    return {key: record for key, record in found.items() if record.chosen in record.times_s}


def write_records(path: Path, records: dict[str, Record]) -> None:
    """Write all records of a file at once; OSError goes to the caller."""
    write_atomic(path, _RECORDS.dump_json(records, indent=2) + b"\n")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file of records; other processes wait. OSError goes to the caller."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield
