"""Reading the ledger of a study: its header, trials, epochs and events."""

from __future__ import annotations

import time
from functools import cache
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from pydantic import TypeAdapter

from results.storage import schema
from results.storage.database import Database
from results.storage.held_out import HeldOutResult
from results.storage.lease import Lease
from results.storage.records import StudyHeader, TrialRecord
from results.storage.waiting import Wait
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport

Record = TypeVar("Record")


@cache
def _checker(record: type[Record]) -> TypeAdapter[Record]:
    """Return the validator of a record: a database can be damaged or edited."""
    return TypeAdapter(record)


class TimelineEvent(NamedTuple):
    """One entry of the timeline: an event by its kind, or the end of an epoch (``report``).

    ``trial`` is None for events of the study, such as the ``begin`` or ``end`` of a run.
    """

    clock_s: float
    kind: str
    trial: int | None
    epoch: int | None = None
    detail: dict[str, Any] | None = None


class LedgerReader:
    """The ledger of one study, for reading.

    Args:
        url: The SQLAlchemy URL of the database.
        study: The study's name in the ledger.
        wait: How to wait for locks of SQLite, and for a server that is away.
        lease: The lease of this driver on a study in PostgreSQL; only writing needs it.

    Raises:
        InvalidInputError: From each method: the database cannot be read, or has no ledger of this study.
    """

    def __init__(self, url: str, study: str, wait: Wait | None = None, lease: Lease | None = None) -> None:
        self.study = study
        self.database = Database(url, wait, lease)

    def close(self) -> None:
        """Close the database connections."""
        self.database.close()

    def check(self) -> None:
        """Check a whole SQLite database for damage; PostgreSQL checks itself.

        Raises:
            InvalidInputError: The file is damaged.
        """
        if self.database.is_server:
            return
        verdict = self.database.read(lambda one: one.execute(sa.text("PRAGMA quick_check(1)")).scalar())
        if verdict != "ok":
            raise self.database.explained(ValueError(str(verdict)))

    def header(self) -> StudyHeader:
        """Return the study's header."""
        query = sa.select(schema.headers).where(schema.headers.c.study == self.study)

        def read(connection: sa.Connection) -> StudyHeader:
            row = connection.execute(query).one_or_none()
            if row is None:
                raise InvalidInputError(f"{self.database.place} holds no study named {self.study!r}")
            if row.schema_version != schema.VERSION:
                raise InvalidInputError(
                    f"{self.database.place} has schema {row.schema_version}, but this version of mgnas reads "
                    f"{schema.VERSION}; use the version that wrote it"
                )
            header: StudyHeader = _checker(StudyHeader).validate_python(row.header)
            return header

        return self.database.read(read)

    def trials(self) -> list[TrialRecord]:
        """Return all trials by ascending number."""
        query = sa.select(schema.trials).where(schema.trials.c.study == self.study)
        query = query.order_by(schema.trials.c.number)

        def read(connection: sa.Connection) -> list[TrialRecord]:
            rows = connection.execute(query).mappings()
            return [_checker(TrialRecord).validate_python(dict(row)) for row in rows]

        return self.database.read(read)

    def reports(self) -> dict[int, list[EpochReport]]:
        """Return the epochs of each trial in order, by trial number; trials without an epoch are missing."""
        query = sa.select(schema.reports).where(schema.reports.c.study == self.study)
        query = query.order_by(schema.reports.c.trial, schema.reports.c.epoch)

        def read(connection: sa.Connection) -> dict[int, list[EpochReport]]:
            found: dict[int, list[EpochReport]] = {}
            for row in connection.execute(query).mappings():
                report = _checker(EpochReport).validate_python(dict(row))
                found.setdefault(row["trial"], []).append(report)
            return found

        return self.database.read(read)

    def epoch_ends(self) -> dict[int, list[float]]:
        """Return the end of each epoch in seconds on the study's clock, as ``reports`` orders the epochs.

        A repeated epoch has its last time.
        """
        query = sa.select(schema.reports.c.trial, schema.reports.c.clock_s).where(
            schema.reports.c.study == self.study
        )
        query = query.order_by(schema.reports.c.trial, schema.reports.c.epoch)

        def read(connection: sa.Connection) -> dict[int, list[float]]:
            found: dict[int, list[float]] = {}
            for trial, clock_s in connection.execute(query):
                found.setdefault(trial, []).append(float(clock_s))
            return found

        return self.database.read(read)

    def timeline(self) -> list[TimelineEvent]:
        """Return all events and epochs by ascending time.

        A repeated epoch appears once, at its last time, with an event ``retrain``.
        """
        reports = sa.select(schema.reports.c.clock_s, schema.reports.c.trial, schema.reports.c.epoch)
        reports = reports.where(schema.reports.c.study == self.study)
        reports = reports.order_by(schema.reports.c.trial, schema.reports.c.epoch)
        events = sa.select(
            schema.events.c.clock_s, schema.events.c.trial, schema.events.c.kind, schema.events.c.detail
        )
        events = events.where(schema.events.c.study == self.study).order_by(schema.events.c.seq)

        def read(connection: sa.Connection) -> list[TimelineEvent]:
            found = [
                TimelineEvent(row.clock_s, "report", row.trial, row.epoch)
                for row in connection.execute(reports)
            ]
            found += [
                TimelineEvent(row.clock_s, row.kind, row.trial, None, row.detail)
                for row in connection.execute(events)
            ]
            return sorted(found, key=lambda one: one.clock_s)

        return self.database.read(read)

    def held_out(self) -> dict[int, HeldOutResult]:
        """Return the results on the held-out test split, by trial number."""
        query = sa.select(schema.held_out).where(schema.held_out.c.study == self.study)

        def read(connection: sa.Connection) -> list[HeldOutResult]:
            rows = connection.execute(query.order_by(schema.held_out.c.trial)).mappings()
            return [_checker(HeldOutResult).validate_python(dict(row)) for row in rows]

        return {result.trial: result for result in self.database.read(read)}

    def events(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """Return Unix time and detail of the events of one kind, oldest first."""
        query = sa.select(schema.events.c.unix_time, schema.events.c.detail).where(
            (schema.events.c.study == self.study) & (schema.events.c.kind == kind)
        )

        def read(connection: sa.Connection) -> list[tuple[float, dict[str, Any]]]:
            rows = connection.execute(query.order_by(schema.events.c.seq))
            return [(float(row.unix_time), dict(row.detail or {})) for row in rows]

        return self.database.read(read)

    def latest_event(self) -> tuple[float, float]:
        """Return the time of the latest event on the study's clock and as Unix time; now without events."""
        query = sa.select(schema.events.c.clock_s, schema.events.c.unix_time).where(
            schema.events.c.study == self.study
        )
        query = query.order_by(schema.events.c.seq.desc()).limit(1)
        row = self.database.read(lambda one: one.execute(query).one_or_none())
        return (0.0, time.time()) if row is None else (float(row.clock_s), float(row.unix_time))

    def clock_s(self) -> float:
        """Return the latest time in the ledger on the study's clock; 0 for a new study."""
        latest = [
            sa.select(sa.func.max(table.c.clock_s)).where(table.c.study == self.study)
            for table in (schema.events, schema.reports)
        ]
        return self.database.read(
            lambda one: max(float(one.execute(query).scalar() or 0.0) for query in latest)
        )
