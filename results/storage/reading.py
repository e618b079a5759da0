"""Reading the ledger of the study in a folder, wherever it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from results.storage.database import Database
from results.storage.lease import LeaseState, read_lease
from results.storage.ledger_reader import LedgerReader
from results.storage.location import Location, holds_study, locate
from results.storage.study_files import DATABASE
from space.core.errors import InvalidInputError

FILE_CLOCK_S = 0.02
"""The times of files are those of the kernel's ticks, and so may be a little early."""


@contextmanager
def reading_ledger(folder: Path) -> Iterator[LedgerReader]:
    """Open the ledger of the study in ``folder`` for reading, and close it afterwards.

    Raises:
        InvalidInputError: ``study.toml`` or the database is missing or damaged.
    """
    location = locate(folder)
    with closing(LedgerReader(location.reading_url, location.study)) as ledger:
        yield ledger


def lease_of(location: Location) -> LeaseState | None:
    """Return the lease of a study in PostgreSQL; None if it never had a driver."""
    with closing(Database(location.url)) as database:
        return database.read(lambda connection: read_lease(connection, location.study))


def ledger_mark(folder: Path) -> tuple[tuple[int, int], ...]:
    """Return a mark that changes with every write to the ledger.

    In PostgreSQL it is the driver's token with its number of writes; for SQLite, times and sizes of the files.

    Raises:
        InvalidInputError: The folder no longer holds the study.
    """
    if not holds_study(folder):
        raise InvalidInputError(f"{folder} no longer holds the study; it was moved or deleted")
    location = locate(folder)
    if location.server_url is not None:
        state = lease_of(location)
        return () if state is None else ((state.token, state.writes),)
    marks = []
    for name in (DATABASE, f"{DATABASE}-wal"):
        try:
            found = (folder / name).stat()
        except OSError:
            continue
        marks.append((found.st_mtime_ns, found.st_size))
    return tuple(marks)


def last_write_ns(folder: Path) -> int:
    """Return the time of the last write to the ledger in Unix nanoseconds; in PostgreSQL that of the last event.

    Raises:
        InvalidInputError: The database cannot be read.
    """
    location = locate(folder)
    if location.server_url is None:
        return (folder / DATABASE).stat().st_mtime_ns
    with reading_ledger(folder) as ledger:
        return int((ledger.latest_event()[1] - FILE_CLOCK_S) * 1e9)
