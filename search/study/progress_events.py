"""The progress of a search: typed events in, lines and states for a display out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from search.study.progress import Progress, Silent
from search.study.snapshot import Snapshot
from space.core.text import duration, plural

FIRST_GAP_S = 2.0
LAST_GAP_S = 60.0
GAP_SHARE = 1 / 30
"""The gap between lines about epochs: this fraction of the elapsed time, within the two bounds."""
MISJUDGED = 1.5
LEAST_DELAY_S = 10.0
"""The expected duration is shown again if it becomes longer by this factor, and by at least this time."""
LEAST_PAST = 0.25
"""The fraction of the expected duration that passes before: the first epochs of workers are slow."""


@dataclass(frozen=True)
class CalibrationStarted:
    """A worker measures the fastest training mode of its device."""

    device: str

    def text(self) -> str:
        """Return the event as one line."""
        return f"calibrating {self.device}: mgnas measures once how it trains fastest, which takes seconds"


@dataclass(frozen=True)
class TrialStarted:
    """A worker starts or resumes the training of a network."""

    trial: int
    network: str
    params: int
    epochs: int
    max_epochs: int

    def text(self) -> str:
        """Return the event as one line."""
        how = f"continues after epoch {self.epochs}" if self.epochs else "started"
        return f"trial {self.trial} {how}: {self.network}, {plural(self.params, 'parameter')}"


@dataclass(frozen=True)
class EpochEnded:
    """A training completed an epoch; the accuracy is from 0 to 1."""

    trial: int
    epoch: int
    max_epochs: int
    val_accuracy: float
    seconds: float

    def text(self) -> str:
        """Return the event as one line."""
        accuracy = f"val. accuracy {100 * self.val_accuracy:.2f} %"
        return f"trial {self.trial}: epoch {self.epoch}/{self.max_epochs}, {accuracy}, {self.seconds:.1f} s"


@dataclass(frozen=True)
class TrialEnded:
    """A trial is complete, failed or stopped; ``is_int8`` says that the accuracy is that of the int8 network."""

    trial: int
    state: str
    params: int
    val_accuracy: float | None = None
    reason: str | None = None
    is_on_front: bool = False
    is_int8: bool = False

    def text(self) -> str:
        """Return the event as one line."""
        if self.state != "complete" or self.val_accuracy is None:
            because = f": {self.reason}" if self.reason else ""
            return f"trial {self.trial} {self.state}{because}"
        accuracy = f"{'int8' if self.is_int8 else 'val.'} accuracy {100 * self.val_accuracy:.2f} %"
        front = ", on the front" if self.is_on_front else ""
        return f"trial {self.trial} complete: {accuracy}, {plural(self.params, 'parameter')}{front}"


Event = CalibrationStarted | TrialStarted | EpochEnded | TrialEnded


class SearchProgress:
    """Turns the events of a search into lines and a state, for one display.

    Ends of trials and calibrations are always shown, starts and epochs now and then: at first two seconds
    apart, after half an hour a minute. ``now`` returns seconds.
    """

    def __init__(self, display: Progress, now: Callable[[], float] = time.monotonic) -> None:
        self._display = display
        self._now = now
        self._began_s = now()
        self._due_s = self._began_s
        self._calibrations: set[CalibrationStarted] = set()
        self._expected_s: float | None = None
        self._is_spent = False

    def note(self, text: str) -> None:
        """Show a line."""
        self._display.note(text)

    def tell(self, event: Event) -> None:
        """Show an event now, or skip it."""
        if isinstance(event, CalibrationStarted):
            if event not in self._calibrations:  # several workers share one
                self._calibrations.add(event)
                self._display.note(event.text())
        elif isinstance(event, TrialEnded) and event.state != "stopped":
            self._display.note(event.text())
        elif (now := self._now()) >= self._due_s:
            gap_s = (now - self._began_s) * GAP_SHARE
            self._due_s = now + min(max(gap_s, FIRST_GAP_S), LAST_GAP_S)
            self._display.note(event.text())

    def show(self, snapshot: Callable[[], Snapshot]) -> None:
        """Show the state of the search, and once each the expected duration and the spent budget.

        The expected duration is shown again if it proves much too short.
        """
        if isinstance(self._display, Silent):
            return
        state = snapshot()
        if state.forecast.left_s is not None and state.running and not state.is_spent:
            self._expect(state, self._now() - self._began_s, state.forecast.left_s)
        if state.is_spent and not self._is_spent and state.running:
            self._is_spent = True
            left = duration(state.forecast.left_s)
            what = plural(len(state.running), "training")
            self._display.note(f"the budget is spent: {what} continue to their end, about {left}")
        self._display.update(state)

    def _expect(self, state: Snapshot, elapsed_s: float, left_s: float) -> None:
        duration_s = elapsed_s + left_s
        if self._expected_s is None:
            self._display.note(state.expectation())
        elif elapsed_s >= LEAST_PAST * self._expected_s and duration_s >= max(
            MISJUDGED * self._expected_s, self._expected_s + LEAST_DELAY_S
        ):
            self._display.note(state.expectation(is_corrected=True))
        else:
            return
        self._expected_s = duration_s
