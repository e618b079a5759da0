"""What a free slot does next: a pure state machine, told what happened and asked for decisions.

It knows no clock, no process and no network; the driver carries its decisions out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class StartNew:
    """Propose a new network and train it."""


@dataclass(frozen=True)
class StartReference:
    """Train a network that the study was told to compare with."""

    name: str


@dataclass(frozen=True)
class Run:
    """Train the network of this trial (again)."""

    trial: int


@dataclass(frozen=True)
class GiveUp:
    """End this trial as failed: too many workers were lost on it."""

    trial: int


@dataclass(frozen=True)
class Wait:
    """Nothing to do until something happens."""


@dataclass(frozen=True)
class Done:
    """Nothing to do ever again."""


Decision = StartNew | StartReference | Run | GiveUp | Wait | Done


class Scheduler(Protocol):
    """The interface of every scheduler."""

    def decide(self) -> Decision:
        """Return what a free slot shall do."""
        ...

    def on_started(self, trial: int, *, is_reference: bool = False) -> None:
        """Take note that a new trial came to be, and runs."""
        ...

    def on_ended(self, trial: int) -> None:
        """Take note that a trial has its result, or failed for good."""
        ...

    def on_lost(self, trial: int) -> None:
        """Take note that a trial's worker went away."""
        ...

    def stop_starting(self) -> None:
        """Start no new trial from now on: a budget is spent, or the space is exhausted."""
        ...


class FullLength:
    """Trains every network to its last epoch, until ``total`` trials have ended.

    Interrupted trials come first; ``interrupted`` maps each to the number of workers lost on it so far.
    A trial that has cost ``max_losses`` workers is given up. Then come ``references`` by name, which no
    budget holds back and which do not count in ``total``; ``reference_trials`` are those that train one.
    """

    def __init__(
        self,
        total: int,
        num_ended: int = 0,
        interrupted: Mapping[int, int] | None = None,
        max_losses: int = 3,
        references: Sequence[str] = (),
        reference_trials: Collection[int] = (),
    ) -> None:
        self._total = total
        self._num_ended = num_ended
        self._max_losses = max_losses
        self._losses = dict(interrupted or {})
        self._waiting = deque(self._losses)
        self._running: set[int] = set()
        self._references = deque(references)
        self._reference_trials = set(reference_trials)
        self._starting = True

    def decide(self) -> Decision:
        """Return what a free slot shall do."""
        if self._waiting:
            trial = self._waiting.popleft()
            if self._losses.get(trial, 0) >= self._max_losses:
                return GiveUp(trial)
            self._running.add(trial)
            return Run(trial)
        if self._references:
            return StartReference(self._references.popleft())
        searched = len(self._running - self._reference_trials)
        if self._starting and self._num_ended + searched < self._total:
            return StartNew()
        return Wait() if self._running else Done()

    def on_started(self, trial: int, *, is_reference: bool = False) -> None:
        """Count ``trial`` as running."""
        self._running.add(trial)
        if is_reference:
            self._reference_trials.add(trial)

    def on_ended(self, trial: int) -> None:
        """Count ``trial`` as ended."""
        self._running.discard(trial)
        self._num_ended += trial not in self._reference_trials

    def on_lost(self, trial: int) -> None:
        """Put ``trial`` in front of the queue."""
        self._running.discard(trial)
        self._losses[trial] = self._losses.get(trial, 0) + 1
        self._waiting.appendleft(trial)

    def stop_starting(self) -> None:
        """Let what runs run to its end, and start nothing new."""
        self._starting = False
