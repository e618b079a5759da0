"""The store of a study: it writes the ledger first, then its mirror in Optuna's tables.

After a crash, the mirror is updated from the ledger.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.front import pareto_front
from results.storage.ledger import Ledger
from results.storage.location import Location
from results.storage.locking import let_readers_be, make_one_file
from results.storage.objectives import Objectives
from results.storage.records import StudyHeader, TrialRecord
from results.storage.study_files import DATABASE, sqlite_url
from results.storage.waiting import Wait, current_wait
from search.study.lock import StudyLock
from search.study.trials import Trials, checkpoint_path
from space.core.reports import EpochReport
from space.search_space import SearchSpace
from trainers.checkpoint import remove_checkpoint

if TYPE_CHECKING:
    from search.study.optuna_mirror import OptunaMirror


class StudyStore(Trials):
    """The trials of a study, in memory and on disk. All changes use this class.

    Raises:
        InvalidInputError: The database is damaged, or it holds other data.
        StorageFullError: From every method that writes: the disk is full.
    """

    def __init__(
        self, location: Location, ledger: Ledger, space: SearchSpace, mirror: OptunaMirror, wait: Wait
    ) -> None:
        super().__init__(ledger.header(), space, ledger.trials(), ledger.reports())
        for one in ledger.timeline():
            if one.kind == "lose" and one.trial is not None:
                detail = one.detail or {}
                self.kills_for_memory[one.trial] += not detail.get("counts", True)
                self.last_losses[one.trial] = detail.get("reason", "")
        self.location = location
        self.folder = location.folder
        self.ledger = ledger
        self.wait = wait
        self._mirror = mirror
        mirror.bring_up_to(self.records)

    @classmethod
    def create(
        cls, folder: Path, header: StudyHeader, space: SearchSpace, lock: StudyLock | None = None
    ) -> StudyStore:
        """Create the database of a study in ``folder``, or its tables in PostgreSQL.

        Args:
            folder: The study's folder.
            header: The study's header.
            space: The search space.
            lock: The right to write the study; None for a database in the folder.
        """
        if lock is not None and lock.lease is not None:
            Ledger.create(lock.location.url, header, lock.location.study, lock.lease).close()
            lock.location.record()
            lock.release_folder()
            return cls.open(folder, header.name, space, lock)
        part = f".{DATABASE}.part"
        (folder / part).unlink(missing_ok=True)
        Ledger.create(sqlite_url(folder, "rwc", part), header).close()
        (folder / part).rename(folder / DATABASE)  # every database has a header
        return cls.open(folder, header.name, space)

    @classmethod
    def open(cls, folder: Path, name: str, space: SearchSpace, lock: StudyLock | None = None) -> StudyStore:
        """Open the database of the study in ``folder``, and update Optuna's study from the ledger."""
        from search.study.optuna_mirror import OptunaMirror

        location = lock.location if lock else Location(folder, name)
        lease = lock.lease if lock else None
        with ExitStack() as opened:
            wait = current_wait() or Wait()
            ledger = Ledger(location.url, location.study, wait, lease)
            opened.callback(_merge_wal, location)
            opened.callback(ledger.close)
            ledger.check()
            if location.server_url is None:
                let_readers_be(folder / DATABASE)
            costs = Objectives.of(ledger.header()).names
            mirror = OptunaMirror(location, costs, space.hyperparameters(), wait, lease)
            opened.callback(mirror.close)
            store = cls(location, ledger, space, mirror, wait)
            opened.pop_all()
        return store

    def close(self) -> None:
        """Close the connections of the ledger and of Optuna. A SQLite database is then a single file."""
        self._mirror.close()
        self.ledger.close()
        _merge_wal(self.location)

    def write_header(self, header: StudyHeader) -> None:
        """Replace the header of the study."""
        self.ledger.write_header(header)
        self.header = header

    def _begin(self, record: TrialRecord) -> None:
        self.ledger.write_trial(record, event="start", clock_s=record.started_s)
        super()._begin(record)
        self._mirror.add(record)

    def report(self, trial: int, report: EpochReport, clock_s: float) -> None:
        """Record one epoch of a running trial."""
        self.ledger.write_report(trial, report, clock_s=clock_s)
        super().report(trial, report, clock_s)

    def predict(self, trial: int, epoch_s: float, clock_s: float) -> None:
        """Record the predicted epoch time of a trial, in seconds, from the calibration."""
        self.ledger.write_event("predict", clock_s, trial=trial, epoch_s=epoch_s)

    def _change(self, record: TrialRecord, event: str, clock_s: float, **detail: Any) -> TrialRecord:
        self.ledger.write_trial(record, event=event, clock_s=clock_s, **detail)
        super()._change(record, event, clock_s)
        if record.has_ended:
            self._mirror.tell(record)
        return record

    def note_silence(self, trial: int, clock_s: float, *, is_silent: bool) -> None:
        """Record that the worker of a trial hangs (``is_silent``) or has recovered."""
        self.ledger.write_event("silent" if is_silent else "recovered", clock_s, number=trial)

    def note_retired(self, clock_s: float, **detail: Any) -> None:
        """Record that a slot is given up; ``detail`` has the fields of the event ``Retired``."""
        self.ledger.write_event("retire", clock_s, **detail)

    def drop_dominated_weights(self) -> None:
        """Delete the weights of dominated complete trials. References keep their weights."""
        on_front = {record.number for record in pareto_front(self.searched, Objectives.of(self.header))}
        dropped = [r for r in self.searched if r.weights is not None and r.number not in on_front]
        if not dropped:
            return
        self.ledger.forget_weights([record.number for record in dropped])
        for record in dropped:
            assert record.weights is not None
            (self.folder / record.weights).unlink(missing_ok=True)
            self.records[record.number] = replace(record, weights=None)

    def drop_checkpoint(self, record: TrialRecord) -> None:
        """Delete the checkpoint of an ended trial."""
        remove_checkpoint(self.folder / checkpoint_path(record))

    def place_of(self, file: str) -> str:
        """Return the absolute path of a file of the study."""
        return str((self.folder / file).absolute())


def _merge_wal(location: Location) -> None:
    if location.server_url is None:
        make_one_file(location.folder / DATABASE)
