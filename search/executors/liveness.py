"""The detection of workers that hang: no heartbeat, or no progress of a training."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from search.executors.messages import Beat, Epoch, Event

SILENT_S = 30.0
"""Seconds without a heartbeat after which a worker is silent; workers send one every few seconds."""
FIRST_EPOCH_S = 600.0
"""The limit before the first epoch is over: seconds without a step, in loading without use of the processor."""
TICK_S = 1.0
GAP_S = 10.0
"""A pause between two ticks from which this process itself was stopped, or its machine slept."""


@dataclass(frozen=True)
class HangLimits:
    """When a worker is replaced because it hangs.

    Attributes:
        max_silence_s: Seconds without a heartbeat.
        stall_epochs: A training makes no progress for this many times its longest epoch, and ``max_silence_s``.
    """

    max_silence_s: float = 120.0
    stall_epochs: int = 20


@dataclass(frozen=True)
class Hang:
    """What a worker that seems to hang did not do.

    Attributes:
        what: ``sent no heartbeat`` or ``made no progress``.
        seconds: For how long.
        is_over_limit: Whether the worker is to be replaced.
    """

    what: str
    seconds: float
    is_over_limit: bool


class WakingClock:
    """Seconds of a monotonic clock without the time in which this process was stopped.

    A thread ticks. Where two ticks are far apart, the process was stopped: that time says nothing about others.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._stopped_s = 0.0
        self._ticked_s = now()

    def __call__(self) -> float:
        """Return the seconds."""
        with self._lock:
            now_s = self._now()
            if now_s - self._ticked_s >= GAP_S:
                self._stopped_s += now_s - self._ticked_s - TICK_S
            self._ticked_s = now_s
            return now_s - self._stopped_s

    def start(self) -> WakingClock:
        """Start the thread, which ends with this object, and return the clock."""
        threading.Thread(target=_tick, args=(weakref.ref(self),), daemon=True).start()
        return self


def _tick(clock: weakref.ref[WakingClock]) -> None:
    while (found := clock()) is not None:
        found()
        del found
        time.sleep(TICK_S)


class Liveness:
    """The times of a worker's last message and of its training's last progress.

    The thread that reads from the worker calls ``hear``; the driver's thread calls the other methods.

    Args:
        now: Returns seconds; ``WakingClock`` does not count the time in which the driver itself is stopped.
        limits: When the worker hangs.
    """

    def __init__(self, now: Callable[[], float], limits: HangLimits | None = None) -> None:
        self._now = now
        self._limits = limits or HangLimits()
        self.is_silent = False
        self._work = 0.0
        self.begin()

    def begin(self) -> None:
        """Restart all times: the worker started or got a job."""
        self._heard_s = self._progressed_s = self._now()
        self._longest_epoch_s: float | None = None

    def hear(self, event: Event) -> None:
        """Record an event of the worker."""
        self._heard_s = self._now()
        if isinstance(event, Epoch):
            self._longest_epoch_s = max(self._longest_epoch_s or 0.0, event.report.seconds)
        if not isinstance(event, Beat) or event.work != self._work:
            self._progressed_s = self._heard_s
        if isinstance(event, Beat):
            self._work = event.work

    def hang(self, *, is_busy: bool) -> Hang | None:
        """Return why the worker seems to hang; None if it works.

        Args:
            is_busy: Whether the worker has a job or starts; others send heartbeats only.
        """
        now_s, limits = self._now(), self._limits
        silent_s, stalled_s = now_s - self._heard_s, now_s - self._progressed_s
        if silent_s >= min(SILENT_S, limits.max_silence_s):
            return Hang("sent no heartbeat", silent_s, silent_s >= limits.max_silence_s)
        longest_s = self._longest_epoch_s
        limit_s = max(limits.max_silence_s, limits.stall_epochs * (longest_s or 0.0))
        if longest_s is None:
            limit_s = max(limit_s, FIRST_EPOCH_S)
        if is_busy and stalled_s >= limit_s / 2:
            return Hang("made no progress", stalled_s, stalled_s >= limit_s)
        return None
