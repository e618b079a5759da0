"""The clock of a study: the time that was spent searching, over all its runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Clock:
    """Seconds of searching since the study began; the time between two runs does not count.

    Attributes:
        before_s: The time of all earlier runs.
        now: Returns seconds of any monotonic clock.
    """

    before_s: float
    now: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._began = self.now()

    def elapsed_s(self) -> float:
        """Return the time of the study so far."""
        return self.before_s + self.run_s()

    def run_s(self) -> float:
        """Return the time of this run so far."""
        return self.now() - self._began
