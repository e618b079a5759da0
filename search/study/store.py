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
from results.storage.locking import LockWait, let_readers_be, make_one_file
from results.storage.objectives import Objectives
from results.storage.records import StudyHeader, TrialRecord
from results.storage.study_files import DATABASE, sqlite_url
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
        self, folder: Path, ledger: Ledger, space: SearchSpace, mirror: OptunaMirror, wait: LockWait
    ) -> None:
        super().__init__(ledger.header(), space, ledger.trials(), ledger.reports())
        for one in ledger.timeline():
            if one.kind == "lose" and one.trial is not None:
                detail = one.detail or {}
                self.kills_for_memory[one.trial] += not detail.get("counts", True)
                self.last_losses[one.trial] = detail.get("reason", "")
        self.folder = folder
        self.ledger = ledger
        self.lock_wait = wait
        self._mirror = mirror
        mirror.bring_up_to(self.records)

    @classmethod
    def create(cls, folder: Path, header: StudyHeader, space: SearchSpace) -> StudyStore:
        """Create the database of a study in ``folder``."""
        part = f".{DATABASE}.part"
        (folder / part).unlink(missing_ok=True)
        Ledger.create(sqlite_url(folder, "rwc", part), header).close()
        (folder / part).rename(folder / DATABASE)  # every database has a header
        return cls.open(folder, header.name, space)

    @classmethod
    def open(cls, folder: Path, name: str, space: SearchSpace) -> StudyStore:
        """Open the database in ``folder``, and update Optuna's study from the ledger."""
        from search.study.optuna_mirror import OptunaMirror

        with ExitStack() as opened:
            wait = LockWait()
            ledger = Ledger(sqlite_url(folder), name, wait)
            opened.callback(make_one_file, folder / DATABASE)
            opened.callback(ledger.close)
            ledger.check()
            let_readers_be(folder / DATABASE)
            mirror = OptunaMirror(
                folder, name, Objectives.of(ledger.header()).names, space.hyperparameters(), wait
            )
            opened.callback(mirror.close)
            store = cls(folder, ledger, space, mirror, wait)
            opened.pop_all()
        return store

    def close(self) -> None:
        """Close the connections of the ledger and of Optuna. The database is then a single file."""
        self._mirror.close()
        self.ledger.close()
        make_one_file(self.folder / DATABASE)

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
