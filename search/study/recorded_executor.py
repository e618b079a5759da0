"""The executor of a verification: it returns what the ledger records."""

from __future__ import annotations

from results.storage.ledger_reader import TimelineEvent
from results.storage.records import TrialRecord
from search.executors.messages import Epoch, Event, Failed, Finished, Job, Lost, Measured, Paused
from search.study.trials import Trials
from space.core.reports import EpochReport

DECISIONS = frozenset({"start", "promote", "restart", "stop", "give_up"})
"""The kinds of events that are decisions of the driver."""
UNSEEN = frozenset({"stop", "give_up"})
"""Decisions that need no worker."""
_VERBS = {
    "start": "begin",
    "promote": "go on",
    "restart": "be taken up again",
    "stop": "be stopped",
    "give_up": "be given up",
}
"""Each decision in the words of a difference."""


class RunInterruptedError(Exception):
    """The recorded run was interrupted at this point."""


class DecisionDiffersError(Exception):
    """A decision differs from the recorded one."""


class RecordedExecutor:
    """An executor that trains nothing and returns the events of the ledger.

    It has a free slot wherever the ledger records a decision, and returns the recorded events between two
    decisions.

    Attributes:
        num_same: The number of decisions so far that agree with the ledger.
    """

    def __init__(
        self,
        timeline: list[TimelineEvent],
        records: dict[int, TrialRecord],
        reports: dict[int, list[EpochReport]],
        trials: Trials,
    ) -> None:
        self._timeline = [one for one in timeline if one.trial is not None or one.kind in ("begin", "end")]
        self._records = records
        self._reports = reports
        self._trials = trials
        self._next = 0
        self._now = 0.0
        self._unseen: TimelineEvent | None = None
        self.num_same = 0

    def now(self) -> float:
        """Return the recorded time on the study's clock in seconds."""
        return self._now

    def begin(self) -> None:
        """Advance to the beginning of the next run."""
        while self._timeline[self._next].kind != "begin":
            self._next += 1
        self._now = self._timeline[self._next].clock_s
        self._next += 1

    def _coming(self) -> TimelineEvent | None:
        """Return the next recorded event of this run; None at its regular end.

        Raises:
            RunInterruptedError: The run was interrupted at this point.
        """
        coming = self._timeline[self._next] if self._next < len(self._timeline) else None
        if coming is None or coming.kind == "begin":
            raise RunInterruptedError
        return None if coming.kind == "end" else coming

    def free_slots(self) -> int:
        """Return 1 at a recorded decision and at the end of a run, 0 elsewhere."""
        self._check_unseen()
        coming = self._coming()
        if coming is None:
            return 1
        if coming.kind not in DECISIONS:
            return 0
        self._now = coming.clock_s
        if coming.kind in UNSEEN:
            self._unseen = coming
            self._next += 1
        return 1

    def _check_unseen(self) -> None:
        """Raise DecisionDiffersError unless the last decision that needs no worker was as recorded."""
        unseen, self._unseen = self._unseen, None
        if unseen is None:
            return
        assert unseen.trial is not None
        if not self._trials.records[unseen.trial].has_ended:
            raise DecisionDiffersError(
                f"trial {unseen.trial} was to {_VERBS[unseen.kind]}, but now it is not"
            )
        self.num_same += 1

    def submit(self, job: Job) -> None:
        """Compare a job with the recorded one."""
        self._check_unseen()
        coming = self._coming()
        if coming is None:
            raise DecisionDiffersError(f"nothing was trained any more, but now trial {job.trial} is")
        assert coming.trial is not None
        record = self._records[coming.trial]
        if coming.kind in UNSEEN or coming.trial != job.trial:
            raise DecisionDiffersError(
                f"trial {coming.trial} was to {_VERBS[coming.kind]}, but now trial {job.trial} is trained"
            )
        if (job.spec, job.seed) != (record.spec, record.seed):
            raise DecisionDiffersError(
                f"trial {job.trial} was {record.notation}, but now it is another network"
            )
        self._next += 1
        self.num_same += 1

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the recorded events up to the next decision, without waiting."""
        found = []
        coming = self._coming()
        while coming is not None and coming.kind not in DECISIONS:
            self._now = coming.clock_s
            found.append(self._event(coming))
            self._next += 1
            # the driver gets all events before it learns of the interruption
            if self._next == len(self._timeline) or self._timeline[self._next].kind == "begin":
                return found
            coming = self._coming()
        if not found:
            if coming is None:
                raise DecisionDiffersError("the search was over, but now it waits")
            raise DecisionDiffersError(
                f"trial {coming.trial} was to {_VERBS[coming.kind]}, but now nothing is decided"
            )
        return found

    def _event(self, happening: TimelineEvent) -> Event:
        trial = happening.trial
        assert trial is not None
        record = self._records[trial]
        if happening.kind == "report":
            assert happening.epoch is not None
            return Epoch(trial, self._reports[trial][happening.epoch - 1])
        if happening.kind == "measure":
            latency_ms = record.network_costs.latency_ms
            assert latency_ms is not None
            return Measured(trial, latency_ms)
        if happening.kind == "lose":
            return Lost(trial, "", is_memory=not (happening.detail or {}).get("counts", True))
        if happening.kind == "pause":
            return Paused(trial, record.train_s)
        if happening.kind == "finish":
            return Finished(
                trial,
                record.train_s,
                record.training_costs,
                class_accuracies=record.class_accuracies,
                int8_accuracy=record.int8_accuracy,
            )
        # is_over_limit: failures in a row must not end the verification; a run that they ended has no later events
        return Failed(trial, record.reason or "", is_over_limit=True)

    def close(self) -> None:
        """Do nothing."""
