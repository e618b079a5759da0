"""What happens to workers: shown to the user, recorded in the ledger, and written to the event log."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass

from results.forecast import Activity
from search.executors.messages import Deferred, Lost, Placed, Recovered, Remark, Retired, Silent
from search.study.clock import Clock
from search.study.event_log import EventLog, now_text
from search.study.machine_load import machine_load
from search.study.progress_events import SearchProgress
from search.study.trials import Trials

LOAD_EVERY_S = 60.0
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    """A job at a worker, and when it began."""

    place: Placed
    began: str
    began_s: float


class WorkerEvents:
    """Handles the events of workers that no decision depends on.

    Args:
        store: The trials.
        progress: The display of the search.
        clock: The clock of the study.
        activity: The activity of this run; a slot that is given up changes its number of workers.
        log: The event log; None for none.

    Attributes:
        silent: The trials whose workers hang.
    """

    def __init__(
        self,
        store: Trials,
        progress: SearchProgress,
        clock: Clock,
        activity: Activity,
        log: EventLog | None = None,
    ) -> None:
        self.silent: set[int] = set()
        self._store = store
        self._progress = progress
        self._clock = clock
        self._activity = activity
        self._log = log
        self._jobs: dict[int, _Job] = {}
        self._load_due_s = time.monotonic()

    def begin(self, event: Placed) -> None:
        """Write down that a worker has a job."""
        self._jobs[event.trial] = _Job(event, now_text(), time.monotonic())
        if self._log is not None:
            record = self._store.records[event.trial]
            facts = asdict(event) | {"network": record.notation, "seed": record.seed, "epochs": record.epochs}
            self._log.write("job_began", **facts)

    def end(self, trial: int, outcome: str, reason: str | None = None) -> None:
        """Write down that a job ended, with the place and the time of it."""
        self.silent.discard(trial)
        job = self._jobs.pop(trial, None)
        if self._log is None:
            return
        facts = {} if job is None else asdict(job.place)
        times = (
            {} if job is None else {"began": job.began, "seconds": round(time.monotonic() - job.began_s, 3)}
        )
        facts |= times | {"trial": trial, "outcome": outcome, "epochs": self._store.records[trial].epochs}
        self._log.write("job_ended", **facts, reason=reason)

    def note_load(self) -> None:
        """Write the load of the machine to the event log, once a minute."""
        if self._log is not None and time.monotonic() >= self._load_due_s:
            self._load_due_s = time.monotonic() + LOAD_EVERY_S
            self._log.write("load", **machine_load())

    def lose(self, event: Lost) -> None:
        """Show why a trial lost its worker."""
        how = "resumes from its last checkpoint"
        if event.is_memory:
            how += " with half the micro-batch"
        self._tell(f"trial {event.trial}: {event.reason}; it {how}")
        self.end(event.trial, "lost", event.reason)

    def defer(self, event: Deferred) -> None:
        """Show a trial that ran out of memory beside others."""
        self._tell(event.text())
        self.end(event.trial, "deferred", event.reason)

    def note_silence(self, event: Silent | Recovered) -> None:
        """Show a worker that hangs or recovers; silent trials do not count in the forecast."""
        if isinstance(event, Silent):
            self.silent.add(event.trial)
            why = f"{event.reason} for {event.seconds:.0f} s"
            self._tell(f"trial {event.trial}: {why}; the other workers continue")
            self._write("worker_silent", trial=event.trial, reason=why)
        else:
            self.silent.discard(event.trial)
            self._tell(f"trial {event.trial}: its worker continues")
            self._write("worker_recovered", trial=event.trial)
        self._store.note_silence(event.trial, self._clock.elapsed_s(), is_silent=isinstance(event, Silent))

    def retire(self, event: Retired) -> None:
        """Show a slot that is given up; the others continue."""
        self._tell(event.text())
        self._activity.workers = event.num_left
        self._store.note_retired(self._clock.elapsed_s(), **asdict(event))
        self._write("slot_given_up", **asdict(event))

    def remark(self, event: Remark) -> None:
        """Show what the executor says of its machines."""
        self._tell(event.text)
        self._write("remark", reason=event.text)

    def _tell(self, text: str) -> None:
        _logger.warning("%s", text)
        self._progress.note(text)

    def _write(self, event: str, **fields: object) -> None:
        if self._log is not None:
            self._log.write(event, **fields)
