"""Whether a worker hangs: its process is silent, or its training makes no progress."""

from __future__ import annotations

import time
from collections.abc import Callable

from search.executors.messages import Beat, Epoch, Event

SILENT_S = 30.0
"""Workers send a beat every few seconds; one that sends nothing for so long is stopped or stuck."""
STALL_EPOCHS = 10
"""A training is stalled when an epoch takes this many times its longest one so far, and ``SILENT_S``."""
FIRST_EPOCH_S = 600.0
"""The longest time before the first epoch, with calibration and loading."""
GAP_S = 10.0
"""After the driver itself stood still for so long, nothing is known of its workers."""


class Liveness:
    """When a worker was last heard of, and when its training last made progress.

    ``hear`` is called by the thread that reads from the worker, everything else by the driver's.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self.is_silent = False
        self._looked_s = now()
        self.begin()

    def begin(self) -> None:
        """Note that the worker was given a job."""
        self._heard_s = self._progressed_s = self._now()
        self._longest_epoch_s: float | None = None

    def hear(self, event: Event) -> None:
        """Note an event of the worker."""
        self._heard_s = self._now()
        if isinstance(event, Epoch):
            took_s = self._heard_s - self._progressed_s
            self._longest_epoch_s = max(self._longest_epoch_s or 0.0, took_s)
        if not isinstance(event, Beat):
            self._progressed_s = self._heard_s

    def why_silent(self) -> tuple[str, float] | None:
        """Return why the worker seems to hang and since how many seconds; None if it does not."""
        now_s, gap_s = self._now(), self._now() - self._looked_s
        self._looked_s = now_s
        if gap_s >= GAP_S:
            self._heard_s = max(self._heard_s, now_s - SILENT_S / 2)
            self._progressed_s = max(self._progressed_s, now_s - SILENT_S / 2)
        if now_s - self._heard_s >= SILENT_S:
            return "its worker gives no sign of life", now_s - self._heard_s
        longest_s = self._longest_epoch_s
        limit_s = FIRST_EPOCH_S if longest_s is None else max(SILENT_S, STALL_EPOCHS * longest_s)
        if now_s - self._progressed_s >= limit_s:
            return "its training makes no progress", now_s - self._progressed_s
        return None
