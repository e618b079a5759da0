"""The ledger of a study: its trials, epochs and events in a database.

The tables are in the study's database, beside those of Optuna. The driver is the only writer. Each method that
writes is one transaction, so a killed driver leaves complete records.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from results.storage import schema
from results.storage.held_out import HeldOutResult
from results.storage.lease import Lease
from results.storage.ledger_reader import LedgerReader
from results.storage.records import StudyHeader, TrialRecord
from space.core.reports import EpochReport

# an epoch is written often: its statements are built once
_DELETE_LATER_REPORTS = sa.delete(schema.reports).where(
    schema.reports.c.study == sa.bindparam("of_study"),
    schema.reports.c.trial == sa.bindparam("of_trial"),
    schema.reports.c.epoch >= sa.bindparam("at_epoch"),
)
_INSERT_REPORT = sa.insert(schema.reports)
_SET_EPOCHS = (
    sa.update(schema.trials)
    .where(
        schema.trials.c.study == sa.bindparam("of_study"), schema.trials.c.number == sa.bindparam("of_trial")
    )
    .values(epochs=sa.bindparam("at_epoch"))
)


class Ledger(LedgerReader):
    """The ledger of one study, for its driver. In PostgreSQL, each write needs the driver's lease.

    Raises:
        StorageFullError: From each method that writes: the disk is full.
        LeaseLostError: From each method that writes: another driver has taken over the study.
    """

    @classmethod
    def create(
        cls, url: str, header: StudyHeader, study: str | None = None, lease: Lease | None = None
    ) -> Ledger:
        """Create missing tables, write the study's header, and return its ledger.

        Args:
            url: The SQLAlchemy URL of the database.
            header: The study's header.
            study: The study's name in the ledger; by default that of the header.
            lease: The lease of this driver on a study in PostgreSQL.
        """
        ledger = cls(url, study or header.name, lease=lease)
        row = {"study": ledger.study, "schema_version": schema.VERSION, "header": asdict(header)}

        def create(connection: sa.Connection) -> None:
            schema.metadata.create_all(connection)
            connection.execute(sa.insert(schema.headers).values(row))

        try:
            ledger.database.write(create)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def write_header(self, header: StudyHeader) -> None:
        """Replace the study's header."""
        changed = sa.update(schema.headers).where(schema.headers.c.study == self.study)
        self.database.write(lambda one: one.execute(changed.values(header=asdict(header))))

    def write_trial(self, trial: TrialRecord, *, event: str, clock_s: float, **detail: Any) -> None:
        """Insert or replace a trial and add the ``event`` that changed it, in one transaction."""
        row = {"study": self.study, **asdict(trial)}
        key = (schema.trials.c.study == self.study) & (schema.trials.c.number == trial.number)
        note = self._note(event, trial.number, clock_s, detail)

        def write(connection: sa.Connection) -> None:
            connection.execute(sa.delete(schema.trials).where(key))
            connection.execute(sa.insert(schema.trials).values(row))
            connection.execute(note)

        self.database.write(write)

    def write_report(self, trial: int, report: EpochReport, *, clock_s: float) -> None:
        """Insert an epoch of a trial, delete later ones, and update the trial's number of epochs."""
        row = {"study": self.study, "trial": trial, "clock_s": clock_s, **asdict(report)}
        which = {"of_study": self.study, "of_trial": trial, "at_epoch": report.epoch}

        def write(connection: sa.Connection) -> None:
            if connection.execute(_DELETE_LATER_REPORTS, which).rowcount:
                connection.execute(self._note("retrain", trial, clock_s, {"epoch": report.epoch}))
            connection.execute(_INSERT_REPORT, row)
            connection.execute(_SET_EPOCHS, which)

        self.database.write(write)

    def write_event(self, kind: str, clock_s: float, **detail: Any) -> None:
        """Add an event of the study, such as the begin of a run."""
        note = self._note(kind, None, clock_s, detail)
        self.database.write(lambda one: one.execute(note))

    def forget_weights(self, numbers: list[int]) -> None:
        """Record that the weights of these trials are no longer kept."""
        key = (schema.trials.c.study == self.study) & schema.trials.c.number.in_(numbers)
        self.database.write(lambda one: one.execute(sa.update(schema.trials).where(key).values(weights=None)))

    def write_int8_accuracy(self, trial: int, accuracy: float, clock_s: float) -> None:
        """Record the accuracy of a trial's int8 network, which was measured after the training."""
        key = (schema.trials.c.study == self.study) & (schema.trials.c.number == trial)
        changed = sa.update(schema.trials).where(key).values(int8_accuracy=accuracy)
        note = self._note("quantise", None, clock_s, {"number": trial, "int8_accuracy": accuracy})

        def write(connection: sa.Connection) -> None:
            connection.execute(changed)
            connection.execute(note)

        self.database.write(write)

    def write_held_out(self, result: HeldOutResult) -> None:
        """Insert or replace the result of a trial on the held-out test split."""
        key = (schema.held_out.c.study == self.study) & (schema.held_out.c.trial == result.trial)
        row = {"study": self.study, **asdict(result)}

        def write(connection: sa.Connection) -> None:
            connection.execute(sa.delete(schema.held_out).where(key))
            connection.execute(sa.insert(schema.held_out).values(row))

        self.database.write(write)

    def _note(self, kind: str, trial: int | None, clock_s: float, detail: dict[str, Any]) -> sa.Insert:
        row = {"study": self.study, "clock_s": clock_s, "unix_time": time.time(), "kind": kind}
        return sa.insert(schema.events).values(**row, trial=trial, detail=detail or None)
