"""The ledger of a study: its trials, epochs and events in a database.

The tables are in the study's database, beside those of Optuna. The driver is the only writer. Each method that
writes is one transaction, so a killed driver leaves complete records.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote_to_bytes

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

from results.storage import schema
from results.storage.errors import explain_database_error
from results.storage.held_out import HeldOutResult
from results.storage.locking import LockWait
from results.storage.records import StudyHeader, TrialRecord
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


class Ledger:
    """The ledger of one study.

    Args:
        url: The SQLAlchemy URL of the database.
        study: The study's name.
        wait: How to wait for locks of an SQLite database.

    Raises:
        InvalidInputError: The database cannot be read, or has no ledger of this study.
        StorageFullError: From each method that writes, if the disk is full.
    """

    def __init__(self, url: str, study: str, wait: LockWait | None = None) -> None:
        self.study = study
        self._engine = sa.create_engine(url, connect_args=wait.connect_args() if wait else {})

    @classmethod
    def create(cls, url: str, header: StudyHeader) -> Ledger:
        """Create missing tables, write the study's header, and return its ledger."""
        ledger = cls(url, header.name)
        with ledger._writing() as connection:
            schema.metadata.create_all(connection)
            connection.execute(
                sa.insert(schema.headers).values(
                    study=header.name, schema_version=schema.VERSION, header=asdict(header)
                )
            )
        return ledger

    def close(self) -> None:
        """Close the database connections."""
        self._engine.dispose()

    # -- writing ---------------------------------------------------------------------------------------

    def write_header(self, header: StudyHeader) -> None:
        """Replace the study's header."""
        with self._writing() as connection:
            connection.execute(
                sa.update(schema.headers)
                .where(schema.headers.c.study == self.study)
                .values(header=asdict(header))
            )

    def write_trial(self, trial: TrialRecord, *, event: str, clock_s: float, **detail: Any) -> None:
        """Insert or replace a trial and add the ``event`` that changed it, in one transaction."""
        row = {"study": self.study, **asdict(trial)}
        key = (schema.trials.c.study == self.study) & (schema.trials.c.number == trial.number)
        with self._writing() as connection:
            connection.execute(sa.delete(schema.trials).where(key))
            connection.execute(sa.insert(schema.trials).values(row))
            self._note(connection, event, trial.number, clock_s, detail)

    def write_report(self, trial: int, report: EpochReport, *, clock_s: float) -> None:
        """Insert an epoch of a trial, delete later ones, and update the trial's number of epochs."""
        row = {"study": self.study, "trial": trial, "clock_s": clock_s, **asdict(report)}
        key = (schema.reports.c.study == self.study) & (schema.reports.c.trial == trial)
        with self._writing() as connection:
            again = connection.execute(
                sa.delete(schema.reports).where(key & (schema.reports.c.epoch >= report.epoch))
            )
            if again.rowcount:
                self._note(connection, "retrain", trial, clock_s, {"epoch": report.epoch})
            connection.execute(sa.insert(schema.reports).values(row))
            connection.execute(
                sa.update(schema.trials)
                .where((schema.trials.c.study == self.study) & (schema.trials.c.number == trial))
                .values(epochs=report.epoch)
            )

    def write_event(self, kind: str, clock_s: float, **detail: Any) -> None:
        """Add an event of the study, such as the begin of a run."""
        with self._writing() as connection:
            self._note(connection, kind, None, clock_s, detail)

    def forget_weights(self, numbers: list[int]) -> None:
        """Record that the weights of these trials are no longer kept."""
        key = (schema.trials.c.study == self.study) & schema.trials.c.number.in_(numbers)
        with self._writing() as connection:
            connection.execute(sa.update(schema.trials).where(key).values(weights=None))

    def write_held_out(self, result: HeldOutResult) -> None:
        """Insert or replace the result of a trial on the held-out test split."""
        key = (schema.held_out.c.study == self.study) & (schema.held_out.c.trial == result.trial)
        with self._writing() as connection:
            connection.execute(sa.delete(schema.held_out).where(key))
            connection.execute(sa.insert(schema.held_out).values(study=self.study, **asdict(result)))

    def _note(
        self, connection: sa.Connection, kind: str, trial: int | None, clock_s: float, detail: dict[str, Any]
    ) -> None:
        row = {"study": self.study, "clock_s": clock_s, "unix_time": time.time(), "kind": kind}
        connection.execute(sa.insert(schema.events).values(**row, trial=trial, detail=detail or None))

    # -- reading ---------------------------------------------------------------------------------------

    def check(self) -> None:
        """Check a whole SQLite database for damage; other databases are not checked.

        Raises:
            InvalidInputError: The file is damaged.
        """
        if not self._engine.url.drivername.startswith("sqlite"):
            return
        with self._reading() as connection:
            verdict = connection.execute(sa.text("PRAGMA quick_check(1)")).scalar()
        if verdict != "ok":
            raise explain_database_error(ValueError(str(verdict)), self._place())

    def header(self) -> StudyHeader:
        """Return the study's header."""
        with self._reading() as connection:
            query = sa.select(schema.headers).where(schema.headers.c.study == self.study)
            row = connection.execute(query).one_or_none()
            if row is None:
                raise InvalidInputError(f"{self._place()} holds no study named {self.study!r}")
            if row.schema_version != schema.VERSION:
                raise InvalidInputError(
                    f"{self._place()} has schema {row.schema_version}, but this version of mgnas reads "
                    f"{schema.VERSION}; use the version that wrote it"
                )
            header: StudyHeader = _checker(StudyHeader).validate_python(row.header)
            return header

    def trials(self) -> list[TrialRecord]:
        """Return all trials by ascending number."""
        with self._reading() as connection:
            query = (
                sa.select(schema.trials)
                .where(schema.trials.c.study == self.study)
                .order_by(schema.trials.c.number)
            )
            rows = connection.execute(query).mappings()
            return [_checker(TrialRecord).validate_python(dict(row)) for row in rows]

    def reports(self) -> dict[int, list[EpochReport]]:
        """Return the epochs of each trial in order, by trial number; trials without an epoch are missing."""
        query = sa.select(schema.reports).where(schema.reports.c.study == self.study)
        found: dict[int, list[EpochReport]] = {}
        with self._reading() as connection:
            for row in connection.execute(
                query.order_by(schema.reports.c.trial, schema.reports.c.epoch)
            ).mappings():
                report = _checker(EpochReport).validate_python(dict(row))
                found.setdefault(row["trial"], []).append(report)
        return found

    def epoch_ends(self) -> dict[int, list[float]]:
        """Return the end of each epoch in seconds on the study's clock, as ``reports`` orders the epochs.

        A repeated epoch has its last time.
        """
        found: dict[int, list[float]] = {}
        query = sa.select(schema.reports.c.trial, schema.reports.c.clock_s).where(
            schema.reports.c.study == self.study
        )
        with self._reading() as connection:
            for trial, clock_s in connection.execute(
                query.order_by(schema.reports.c.trial, schema.reports.c.epoch)
            ):
                found.setdefault(trial, []).append(float(clock_s))
        return found

    def timeline(self) -> list[TimelineEvent]:
        """Return all events and epochs by ascending time.

        A repeated epoch appears once, at its last time, with an event ``retrain``.
        """
        reports = sa.select(schema.reports.c.clock_s, schema.reports.c.trial, schema.reports.c.epoch)
        events = sa.select(
            schema.events.c.clock_s, schema.events.c.trial, schema.events.c.kind, schema.events.c.detail
        )
        with self._reading() as connection:
            found = [
                TimelineEvent(row.clock_s, "report", row.trial, row.epoch)
                for row in connection.execute(reports.where(schema.reports.c.study == self.study))
            ]
            rows = connection.execute(
                events.where(schema.events.c.study == self.study).order_by(schema.events.c.seq)
            )
            found += [TimelineEvent(row.clock_s, row.kind, row.trial, None, row.detail) for row in rows]
        return sorted(found, key=lambda one: one.clock_s)

    def held_out(self) -> dict[int, HeldOutResult]:
        """Return the results on the held-out test split, by trial number."""
        query = sa.select(schema.held_out).where(schema.held_out.c.study == self.study)
        with self._reading() as connection:
            rows = connection.execute(query.order_by(schema.held_out.c.trial)).mappings()
            found = [_checker(HeldOutResult).validate_python(dict(row)) for row in rows]
        return {result.trial: result for result in found}

    def events(self, kind: str) -> list[tuple[float, dict[str, Any]]]:
        """Return Unix time and detail of the events of one kind, oldest first."""
        query = sa.select(schema.events.c.unix_time, schema.events.c.detail).where(
            (schema.events.c.study == self.study) & (schema.events.c.kind == kind)
        )
        with self._reading() as connection:
            rows = connection.execute(query.order_by(schema.events.c.seq))
            return [(float(row.unix_time), dict(row.detail or {})) for row in rows]

    def latest_event(self) -> tuple[float, float]:
        """Return the time of the latest event on the study's clock and as Unix time; now without events."""
        query = sa.select(schema.events.c.clock_s, schema.events.c.unix_time).where(
            schema.events.c.study == self.study
        )
        with self._reading() as connection:
            row = connection.execute(query.order_by(schema.events.c.seq.desc()).limit(1)).one_or_none()
        return (0.0, time.time()) if row is None else (float(row.clock_s), float(row.unix_time))

    def clock_s(self) -> float:
        """Return the latest time in the ledger on the study's clock; 0 for a new study."""
        latest = [
            sa.select(sa.func.max(table.c.clock_s)).where(table.c.study == self.study)
            for table in (schema.events, schema.reports)
        ]
        with self._reading() as connection:
            return max(float(connection.execute(query).scalar() or 0.0) for query in latest)

    # -- errors ----------------------------------------------------------------------------------------

    def _place(self) -> str:
        url = self._engine.url
        if not url.drivername.startswith("sqlite"):
            return url.render_as_string()
        return os.fsdecode(unquote_to_bytes(str(url.database).removeprefix("file:").partition("?")[0]))

    @contextmanager
    def _reading(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except InvalidInputError:
            raise
        except (SQLAlchemyError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise explain_database_error(error, self._place()) from error

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except IntegrityError:
            raise  # an invalid record is our mistake, not damage
        except DatabaseError as error:
            raise explain_database_error(error, self._place()) from error
