"""An executor that trains nothing: it reports the epochs of known learning curves on a simulated clock."""

from __future__ import annotations

import heapq
import itertools
import math

from search.executors.messages import Epoch, Event, Failed, Finished, Job, Paused
from search.simulator.problem import Curve, Problem
from space.core.reports import EpochReport
from space.networks.load import load_spec


class SimulatedExecutor:
    """Runs jobs on simulated workers. ``poll`` advances the simulated clock to the next event.

    Attributes:
        now_s: The simulated time in seconds.
        busy_s: Seconds of training, summed over workers.
        idle_share: Fraction of the workers' time without a job, until the last job began.
    """

    def __init__(self, problem: Problem, num_workers: int) -> None:
        self._problem = problem
        self._free = num_workers
        self._events: list[tuple[float, int, Event]] = []
        self._order = itertools.count()
        self._trained: dict[int, int] = {}
        self._num_workers = num_workers
        self._idle_s = 0.0
        self.now_s = 0.0
        self.busy_s = 0.0
        self.idle_share = 0.0

    def now(self) -> float:
        """Return the simulated time in seconds."""
        return self.now_s

    def free_slots(self) -> int:
        """Return the number of workers without a job."""
        return self._free

    def submit(self, job: Job) -> None:
        """Give a job to a free worker; a paused training resumes at its last epoch."""
        assert self._free, "no worker is free"
        if self.now_s:
            self.idle_share = self._idle_s / (self._num_workers * self.now_s)
        self._free -= 1
        curve = self._problem.curve(load_spec(job.spec), job.seed)
        begin = self._trained.get(job.trial, 0)
        until = min(job.until or len(curve.seconds), len(curve.seconds))
        time_s = self.now_s
        for epoch in range(begin + 1, until + 1):
            time_s += curve.seconds[epoch - 1]
            self._add(time_s, Epoch(job.trial, _report(curve, epoch)))
        self.busy_s += time_s - self.now_s
        self._trained[job.trial] = until
        train_s = sum(curve.seconds[:until])
        if until < len(curve.seconds) or (curve.failure is None and until < self._problem.epochs):
            self._add(time_s, Paused(job.trial, train_s))
        elif curve.failure is not None:
            self._add(time_s, Failed(job.trial, curve.failure))
        else:
            self._add(time_s, Finished(job.trial, train_s))

    def _add(self, time_s: float, event: Event) -> None:
        heapq.heappush(self._events, (time_s, next(self._order), event))

    def poll(self, timeout_s: float) -> list[Event]:
        """Advance to the next event and return it, or nothing without events. ``timeout_s`` is ignored."""
        if not self._events:
            return []
        time_s, _, event = heapq.heappop(self._events)
        self._idle_s += self._free * (time_s - self.now_s)
        self.now_s = time_s
        self._free += isinstance(event, (Paused, Failed, Finished))
        return [event]

    def close(self) -> None:
        """Drop all pending events."""
        self._events.clear()


def _report(curve: Curve, epoch: int) -> EpochReport:
    return EpochReport(
        epoch=epoch,
        train_loss=curve.train_loss[epoch - 1] if curve.train_loss else math.nan,
        val_loss=curve.val_loss[epoch - 1] if curve.val_loss else math.nan,
        val_accuracy=curve.val_accuracy[epoch - 1],
        seconds=curve.seconds[epoch - 1],
    )
