"""The detection of workers that hang: no heartbeat, or no progress of a training."""

from __future__ import annotations

import time
from collections.abc import Callable

from search.executors.messages import Beat, Epoch, Event

SILENT_S = 30.0
"""Seconds without a heartbeat after which a worker is silent; workers send one every few seconds."""
STALL_EPOCHS = 10
"""A training makes no progress if an epoch takes this many times its longest epoch, and ``SILENT_S``."""
FIRST_EPOCH_S = 600.0
"""The limit of the first epoch, which includes calibration and loading."""
GAP_S = 10.0
"""After a pause of the driver of this length, the age of the last heartbeat is unknown."""


class Liveness:
    """The times of a worker's last message and of its training's last progress.

    The thread that reads from the worker calls ``hear``; the driver's thread calls the other methods.

    Args:
        now: Returns seconds of a monotonic clock.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.is_silent = False
        self._looked_s = now()
        self.begin()

    def begin(self) -> None:
        """Restart all times: the worker got a job."""
        self._heard_s = self._progressed_s = self._now()
        self._longest_epoch_s: float | None = None

    def hear(self, event: Event) -> None:
        """Record an event of the worker."""
        self._heard_s = self._now()
        if isinstance(event, Epoch):
            took_s = self._heard_s - self._progressed_s
            self._longest_epoch_s = max(self._longest_epoch_s or 0.0, took_s)
        if not isinstance(event, Beat):
            self._progressed_s = self._heard_s

    def why_silent(self) -> tuple[str, float] | None:
        """Return the reason why the worker seems to hang, and for how many seconds; None if it works."""
        now_s, gap_s = self._now(), self._now() - self._looked_s
        self._looked_s = now_s
        if gap_s >= GAP_S:
            self._heard_s = max(self._heard_s, now_s - SILENT_S / 2)
            self._progressed_s = max(self._progressed_s, now_s - SILENT_S / 2)
        if now_s - self._heard_s >= SILENT_S:
            return "its worker sends no heartbeat", now_s - self._heard_s
        longest_s = self._longest_epoch_s
        limit_s = FIRST_EPOCH_S if longest_s is None else max(SILENT_S, STALL_EPOCHS * longest_s)
        if now_s - self._progressed_s >= limit_s:
            return "its training makes no progress", now_s - self._progressed_s
        return None
