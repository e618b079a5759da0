"""Lost or damaged weights of complete trials: detection by checksum, and retraining."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from results.open import Study
from results.storage.errors import StorageFullError
from results.storage.records import TrialRecord
from search.executors.base import Executor
from search.executors.messages import Deferred, Epoch, Event, Failed, Fatal, Finished, Lost, Remark, Retired
from search.study.config import StudyConfig
from search.study.driver import POLL_S, SearchError
from search.study.jobs import training_job
from search.study.progress import Progress
from search.study.store import StudyStore
from space.core.atomic_files import shell_word
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from space.core.text import plural
from space.networks.weights_file import read_trained

MOST_LOST_WORKERS = 3


class LostWeights(NamedTuple):
    """A trial with an unusable weights file, and the reason."""

    trial: int
    reason: str


def lost_weights(folder: Path, records: Iterable[TrialRecord]) -> list[LostWeights]:
    """Return the trials whose weights are missing, damaged, or belong to another network."""
    lost = []
    for record in records:
        if record.state != "complete" or record.weights is None:
            continue
        try:
            trained, _ = read_trained(folder / record.weights)
            arch = trained.network_spec().arch
        except InvalidInputError as error:
            lost.append(LostWeights(record.number, str(error)))
            continue
        if (arch, trained.seed) != (record.arch, record.seed):
            reason = f"{folder / record.weights} holds the network {arch}, seed {trained.seed}"
            lost.append(LostWeights(record.number, reason))
    return lost


def lost_of_front(results: Study) -> list[LostWeights]:
    """Return the lost weights of the exported networks: the front and the references."""
    return lost_weights(results.folder, [*results.front_records, *results.references])


def note_lost(lost: list[LostWeights], folder: Path, progress: Progress) -> None:
    """Show the lost weights, and the command that retrains these networks."""
    for one in lost:
        progress.note(f"warning: trial {one.trial}: {one.reason}")
    if lost:
        trials = f"{'trial' if len(lost) == 1 else 'trials'} {', '.join(str(one.trial) for one in lost)}"
        progress.note(f"train {trials} again with: mgnas search {shell_word(folder)} --repair")


class Retraining:
    """Retrains complete trials for their weights, with the same recipe and seed. Recorded results stay."""

    def __init__(
        self,
        config: StudyConfig,
        store: StudyStore,
        executor: Executor,
        progress: Progress,
        let_signals_through: Callable[[], None],
    ) -> None:
        self.config = config
        self.store = store
        self.executor = executor
        self.progress = progress
        self._let_signals_through = let_signals_through
        self._clock_s = store.ledger.clock_s()  # the clock of the search excludes retraining
        self._waiting: deque[int] = deque()
        self._reports: dict[int, dict[int, EpochReport]] = {}
        self._lost_workers: dict[int, int] = {}

    def run(self, trials: Iterable[int]) -> None:
        """Retrain these trials.

        Args:
            trials: The numbers of the trials.

        Raises:
            SearchError: No worker can continue.
            StorageFullError: The disk is full.
        """
        self._waiting.extend(trials)
        if self._waiting:
            self.progress.note(f"training {plural(len(self._waiting), 'network')} again for lost weights")
        while self._waiting or self._reports:
            while self._waiting and self.executor.free_slots():
                trial = self._waiting.popleft()
                self._reports[trial] = {}
                record = self.store.records[trial]
                self.executor.submit(training_job(self.config, self.store, record, again=True))
            for event in self.executor.poll(POLL_S):
                self._handle(event)
            self._let_signals_through()

    def _handle(self, event: Event) -> None:
        if isinstance(event, Epoch):
            self._reports[event.trial][event.report.epoch] = event.report
        elif isinstance(event, Finished):
            self._finish(event.trial)
        elif isinstance(event, Failed):
            self._end(event.trial, f"failed ({event.reason}); its weights stay lost")
        elif isinstance(event, Lost):
            self._lose(event)
        elif isinstance(event, (Deferred, Retired)):
            self.progress.note(event.text())
        elif isinstance(event, Remark):
            self.progress.note(event.text)
        elif isinstance(event, Fatal):
            error = StorageFullError if event.disk_full else SearchError
            raise error(f"the training stopped: {event.reason}; run the same command again")

    def _finish(self, trial: int) -> None:
        record = self.store.records[trial]
        reached = self._reports[trial][max(self._reports[trial])].val_accuracy
        if reached == record.last_accuracy:
            self._end(trial, f"ended as recorded: {100 * reached:.2f} % on validation")
        else:
            before = record.last_accuracy or 0.0
            how = f"reached {100 * reached:.2f} % on validation, recorded {100 * before:.2f} %"
            self._end(trial, f"{how}: another machine or version of torch; the record stays")
        self.store.drop_checkpoint(record)

    def _lose(self, event: Lost) -> None:
        self._lost_workers[event.trial] = self._lost_workers.get(event.trial, 0) + 1
        if self._lost_workers[event.trial] >= MOST_LOST_WORKERS:
            self._end(event.trial, f"lost {MOST_LOST_WORKERS} workers ({event.reason})")
            return
        self.progress.note(f"trial {event.trial}: {event.reason}; it resumes from its last checkpoint")
        del self._reports[event.trial]
        self._waiting.append(event.trial)

    def _end(self, trial: int, how: str) -> None:
        del self._reports[trial]
        self.progress.note(f"trial {trial}, trained again, {how}")
        self.store.ledger.write_event("retrain_weights", self._clock_s, number=trial, outcome=how)
