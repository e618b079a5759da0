"""The driver: the only process that decides and writes. It passes decisions to the executor and records events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from results.forecast import Activity
from results.front import front_history
from results.storage.errors import StorageFullError
from results.storage.objectives import Objectives
from results.storage.records import TrialRecord
from search.executors.messages import (
    Calibrating,
    Deferred,
    Epoch,
    Event,
    Failed,
    Fatal,
    Finished,
    Lost,
    Measured,
    Paused,
    Placed,
    Predicted,
    Recovered,
    Remark,
    Retired,
    Silent,
)
from search.schedulers.base import Done, Fail, Resume, StartNamed, StartNew, Stop
from search.study.clock import Clock
from search.study.components import Components
from search.study.event_log import EventLog
from search.study.failures import FailureStreak
from search.study.jobs import training_job
from search.study.objectives import proxy_costs
from search.study.progress import Progress
from search.study.progress_events import (
    CalibrationStarted,
    EpochEnded,
    SearchProgress,
    TrialEnded,
    TrialStarted,
)
from search.study.seeds import derive_seed
from search.study.snapshot import Moment, Snapshot, snapshot
from search.study.trials import Outcome, weights_path
from search.study.worker_events import WorkerEvents
from space.core.errors import MgnasError
from space.core.reports import EpochReport

POLL_S = 0.25


class SearchError(MgnasError):
    """The search cannot continue. Its results are recorded."""


class Driver:
    """Runs a study until its scheduler ends it."""

    def __init__(
        self,
        components: Components,
        progress: Progress,
        clock: Clock,
        *,
        gives_up: bool = True,
        activity: Activity | None = None,
        let_signals_through: Callable[[], None] | None = None,
        event_log: EventLog | None = None,
    ) -> None:
        """Connect the components of a study.

        Args:
            components: The configuration, trials, sampler, scheduler and executor.
            progress: The display of the search.
            clock: The clock of the study.
            gives_up: Whether many failed trials in a row end the search.
            activity: Collects the activity of this run, for the forecast.
            let_signals_through: Called whenever no write is in progress.
            event_log: The log of jobs and workers; None for none.
        """
        self.config = components.config
        self.store = components.trials
        self.sampler = components.sampler
        self.scheduler = components.scheduler
        self.executor = components.executor
        self.progress = SearchProgress(progress)
        self.activity = activity or Activity()
        self.clock = clock
        self._gives_up = gives_up
        self._let_signals_through = let_signals_through or (lambda: None)
        self._failures = FailureStreak(self.store.records.values())
        self._workers = WorkerEvents(self.store, self.progress, clock, self.activity, event_log)
        self._until: dict[int, int] = {}
        self._found = front_history(self.store.searched, Objectives.of(self.store.header))

    def run(self) -> None:
        """Search until the scheduler ends the study.

        Raises:
            SearchError: No worker can continue.
            StorageFullError: The disk is full.
        """
        while self._fill_slots():
            for event in self.executor.poll(POLL_S):
                self._handle(event)
                self._let_signals_through()
            self._let_signals_through()
            self._workers.note_load()
            self.progress.show(self._snapshot)
        self.progress.show(self._snapshot)

    def _fill_slots(self) -> bool:
        """Carry out decisions while a slot is free; return False at the end of the search."""
        while self.executor.free_slots():
            self._let_signals_through()
            self.scheduler.wind_down(self._is_spent())
            decision = self.scheduler.decide()
            if isinstance(decision, Done):
                return False
            if isinstance(decision, StartNew):
                self._start_new(decision.until)
            elif isinstance(decision, StartNamed):
                self._start_named(decision)
            elif isinstance(decision, Resume):
                record = self.store.restart(decision.trial, self.clock.elapsed_s())
                self.sampler.tell(record)
                self._submit(record, decision.until)
            elif isinstance(decision, Stop):
                self._end(self.store.stop(decision.trial, self.clock.elapsed_s()))
            elif isinstance(decision, Fail):
                self._end(self.store.give_up(decision.trial, self.clock.elapsed_s()))
            else:
                return True
        return True

    def _is_spent(self) -> bool:
        """Return whether a budget of time, epochs or patience is spent."""
        search = self.config.search
        if search.hours is not None and self.clock.elapsed_s() >= search.hours * 3600:
            return True
        if search.epochs is not None and self._planned_epochs() >= search.epochs:
            return True
        return search.patience is not None and self._since_growth() >= search.patience

    def _planned_epochs(self) -> int:
        """Return the epochs of the search, with those that running trainings will still train."""
        return sum(max(record.epochs, self._until.get(record.number, 0)) for record in self.store.searched)

    def _since_growth(self) -> int:
        """Return the number of trials that started since the front last grew."""
        return self._found.num_since_growth(self.store.searched)

    def _start_new(self, until: int | None) -> None:
        number = len(self.store.records)
        proposal = self.sampler.ask(number)
        if proposal is None:
            self.scheduler.stop_starting()
            self.store.write_header(replace(self.store.header, exhausted=True))
            return
        seed = derive_seed(self.config.search.seed, number, "training")
        record = self.store.start(proposal, seed, self.config.train.epochs, self.clock.elapsed_s())
        self.scheduler.on_started(number, proxy_costs(self.config.search.costs, record))
        self._submit(record, until)

    def _start_named(self, named: StartNamed) -> None:
        number = len(self.store.records)
        seed = named.seed
        if seed is None:
            seed = derive_seed(self.config.search.seed, number, "training")
        record = self.store.start_named(named, seed, self.config.train.epochs, self.clock.elapsed_s())
        costs = proxy_costs(self.config.search.costs, record)
        self.scheduler.on_started(number, costs, is_reference=named.is_reference)
        self._submit(record)

    def _submit(self, record: TrialRecord, until: int | None = None) -> None:
        self._until[record.number] = until or record.max_epochs
        self.activity.last_s[record.number] = self.clock.elapsed_s()
        self.progress.tell(
            TrialStarted(record.number, record.notation, record.params, record.epochs, record.max_epochs)
        )
        self.executor.submit(training_job(self.config, self.store, record, until=until))

    def _handle(self, event: Event) -> None:
        if isinstance(event, Epoch):
            self._note_epoch(event.trial, event.report)
        elif isinstance(event, Calibrating):
            self.progress.tell(CalibrationStarted(event.device))
        elif isinstance(event, Predicted):
            self.store.predict(event.trial, event.epoch_s, self.clock.elapsed_s())
            self.activity.predict(event.trial, event.epoch_s, self.clock.elapsed_s())
        elif isinstance(event, Measured):
            self._note_latency(event)
        elif isinstance(event, Paused):
            record = self.store.pause(event.trial, event.train_s, self.clock.elapsed_s())
            self.sampler.tell(record)
            self._failures.succeed()
            self._workers.end(event.trial, "paused")
            self.scheduler.on_paused(event.trial, self.store.errors(event.trial))
        elif isinstance(event, Finished):
            self._finish(event)
        elif isinstance(event, Failed):
            record = self.store.fail(event.trial, event.reason, self.clock.elapsed_s())
            self._workers.end(event.trial, "failed", event.reason)
            self._end(record, is_over_limit=event.is_over_limit)
        elif isinstance(event, Lost):
            self._lose(event)
        elif isinstance(event, Placed):
            self._workers.begin(event)
        elif isinstance(event, (Silent, Recovered)):
            self._workers.note_silence(event)
        elif isinstance(event, Deferred):
            self._workers.defer(event)
        elif isinstance(event, Retired):
            self._workers.retire(event)
        elif isinstance(event, Remark):
            self._workers.remark(event)
        elif isinstance(event, Fatal):
            error = StorageFullError if event.disk_full else SearchError
            raise error(f"the search stopped: {event.reason}; all results so far are recorded")

    def _note_latency(self, event: Measured) -> None:
        record = self.store.measure(event.trial, event.latency_ms, self.clock.elapsed_s())
        self.sampler.tell(record)
        if record.state == "complete" and record.reference is None:
            self._found.add(record)  # a device was away at its end

    def _note_epoch(self, trial: int, report: EpochReport) -> None:
        self.store.report(trial, report, self.clock.elapsed_s())
        record = self.store.records[trial]
        self.sampler.report(record, report)
        self.activity.end_epoch(trial, self.clock.elapsed_s())
        self.progress.tell(
            EpochEnded(trial, report.epoch, record.max_epochs, report.val_accuracy, report.seconds)
        )

    def _lose(self, event: Lost) -> None:
        self._workers.lose(event)
        # halvings end at one image; then the training itself fails
        self.store.lose(event.trial, event.reason, self.clock.elapsed_s(), counts=not event.is_memory)
        self.scheduler.on_lost(event.trial, counts=not event.is_memory)

    def _finish(self, event: Finished) -> None:
        reached = self.store.curves[event.trial][-1].val_accuracy
        weights = weights_path(self.store.records[event.trial])
        outcome = Outcome(
            event.train_s, event.costs, event.latency, event.class_accuracies, event.int8_accuracy
        )
        record = self.store.finish(event.trial, reached, outcome, weights, self.clock.elapsed_s())
        self._workers.end(event.trial, "complete")
        if record.reference is None:
            self._found.add(record)
        if self.config.search.keep_weights == "front":
            self.store.drop_dominated_weights()
        self._end(record)

    def _end(self, record: TrialRecord, *, is_over_limit: bool = False) -> None:
        self.store.drop_checkpoint(record)
        self._tell_end(record)
        self.sampler.tell(record)
        self.scheduler.on_ended(record.number, self.store.errors(record.number))
        self._until.pop(record.number, None)
        if record.state != "failed":
            self._failures.succeed()
        elif not is_over_limit:  # a limit says nothing about the machine
            self._failures.fail(record.short_reason)
        if self._gives_up and (why := self._failures.why_to_end()):
            raise SearchError(
                f"{why}; repair the cause and run the same command again, or search in another folder (--dir)"
            )

    def _tell_end(self, record: TrialRecord) -> None:
        self.progress.tell(
            TrialEnded(
                record.number,
                record.state,
                record.params,
                record.val_accuracy,
                record.reason,
                is_on_front=any(one.number == record.number for one in self._found.front),
                is_int8=self.store.header.is_int8,
            )
        )

    def _snapshot(self) -> Snapshot:
        return snapshot(
            self.config,
            self.store,
            self._found,
            self.activity,
            Moment(self.clock.elapsed_s(), self._is_spent(), frozenset(self._workers.silent)),
        )
