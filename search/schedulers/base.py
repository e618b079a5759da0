"""What a free slot does next: a pure state machine, told what happened and asked for decisions.

It knows no clock, no process and no network; the driver carries its decisions out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class StartNew:
    """Propose a new network and train it, to the end of epoch ``until`` or (None) to its last."""

    until: int | None = None


@dataclass(frozen=True)
class StartNamed:
    """Train a network that the study was told to train, from its first epoch to its last.

    Without a ``seed`` the seed follows from the study's and the trial's number. A reference is compared with
    the search's networks and is not one of them.
    """

    network: str
    seed: int | None = None
    is_reference: bool = False


@dataclass(frozen=True)
class Resume:
    """Train the network of this trial (again), to the end of epoch ``until`` or (None) to its last."""

    trial: int
    until: int | None = None


@dataclass(frozen=True)
class Fail:
    """End this trial as failed: too many workers were lost on it."""

    trial: int


@dataclass(frozen=True)
class Stop:
    """End this trial, which is paused, where it stands."""

    trial: int


@dataclass(frozen=True)
class Wait:
    """Nothing to do until something happens."""


@dataclass(frozen=True)
class Done:
    """Nothing to do ever again."""


SchedulerName = Literal["fifo", "asha", "freeze_thaw"]
"""The values of ``search.scheduler``."""

Decision = StartNew | StartNamed | Resume | Fail | Stop | Wait | Done


class ContinuationPolicy(Protocol):
    """Decides which paused training to resume."""

    def best_to_continue(self, paused: Collection[int], *, may_start: bool) -> int | None:
        """Return the number of the paused trial to resume, or None.

        None means that a new network promises more or, if none ``may_start``, that no training is worth it.
        """
        ...


@dataclass(frozen=True)
class TrialStatus:
    """How far a trial is: what a scheduler needs to know of it.

    ``costs`` are those of its network (its parameters, say), ``errors`` those after each epoch so far.
    ``losses`` counts the workers lost on it; it ``is_interrupted`` if it was running when an earlier
    driver stopped.
    """

    trial: int
    costs: tuple[float, ...]
    errors: tuple[float, ...] = ()
    losses: int = 0
    is_reference: bool = False
    is_interrupted: bool = False


class Scheduler(Protocol):
    """The interface of every scheduler."""

    def decide(self) -> Decision:
        """Return what a free slot shall do."""
        ...

    def on_started(self, trial: int, costs: tuple[float, ...], *, is_reference: bool = False) -> None:
        """Take note that a new trial came to be, and runs."""
        ...

    def on_paused(self, trial: int, errors: Sequence[float]) -> None:
        """Take note that a trial has come to where it was to be trained, with these errors by epoch."""
        ...

    def on_ended(self, trial: int, errors: Sequence[float] = ()) -> None:
        """Take note that a trial has its result, failed for good, or was stopped."""
        ...

    def on_lost(self, trial: int, *, counts: bool = True) -> None:
        """Take note that a trial's worker went away; whether that ``counts`` as a reason to give it up."""
        ...

    def stop_starting(self) -> None:
        """Start no new trial from now on: the space is exhausted, or a budget of trials spent."""
        ...

    def wind_down(self, is_over: bool) -> None:
        """While a budget is spent (``is_over``), begin nothing, and let what is paused stay so.

        Where no training is whole, one still comes to its end.
        """
        ...


class FIFO:
    """Trains every network to its last epoch, until ``total`` trials have ended.

    Interrupted trials come first, then the ``named`` networks, whatever the budget. References do not count
    in ``total``. A trial that has cost ``max_losses`` workers is given up. ``ended``, ``paused`` and
    ``interrupted`` are the trials of earlier runs.
    """

    def __init__(
        self,
        total: int,
        *,
        ended: Iterable[TrialStatus] = (),
        paused: Iterable[TrialStatus] = (),
        interrupted: Iterable[TrialStatus] = (),
        max_losses: int = 3,
        named: Iterable[StartNamed] = (),
    ) -> None:
        self._total = total
        self._max_losses = max_losses
        self._named = deque(named)
        self._reference_trials: set[int] = set()
        self._losses: dict[int, int] = {}
        self._waiting: deque[int] = deque()
        self._running: set[int] = set()
        self._paused: set[int] = set()
        self._num_started = 0
        self._starting = True
        self._winding_down = False
        ended, paused, interrupted = list(ended), list(paused), list(interrupted)
        for status in (*ended, *paused, *interrupted):
            self._know(status)
        for status in paused:
            self._losses[status.trial] = status.losses
            self._paused.add(status.trial)
        for status in interrupted:
            self._losses[status.trial] = status.losses
            self._waiting.append(status.trial)

    def _know(self, status: TrialStatus) -> None:
        """Count a trial of an earlier run."""
        if status.is_reference:
            self._reference_trials.add(status.trial)
        else:
            self._num_started += 1

    def decide(self) -> Decision:
        """Return what a free slot shall do."""
        if self._waiting:
            trial = self._waiting.popleft()
            if self._losses.get(trial, 0) >= self._max_losses:
                return Fail(trial)
            self._running.add(trial)
            return Resume(trial, self._until(trial))
        if self._named:
            return self._named.popleft()
        promoted = self._last_promotion() if self._winding_down else self._promotion()
        if promoted is not None:
            self._paused.discard(promoted)
            self._running.add(promoted)
            return Resume(promoted, self._until(promoted))
        if self._may_start:
            return StartNew(self._first())
        if self._running:
            return Wait()
        if self._paused and not self._winding_down:
            return Stop(min(self._paused))
        return Done()

    @property
    def _may_start(self) -> bool:
        """Whether a new trial may begin: the very first also where a budget is spent."""
        is_late = self._winding_down and self._num_started > 0
        return self._starting and not is_late and self._num_started < self._total

    def _first(self) -> int | None:
        """Return the epoch to which a new trial is trained."""
        return None

    def _until(self, trial: int) -> int | None:
        """Return the epoch to which a trial is trained next."""
        return None

    def _promotion(self) -> int | None:
        """Return the paused trial to go on with before anything new, if there is one."""
        return min(self._paused, default=None)

    def _last_promotion(self) -> int | None:
        """Return the paused trial to go on with although a budget is spent, if there is one."""
        return None

    def on_started(self, trial: int, costs: tuple[float, ...], *, is_reference: bool = False) -> None:
        """Count ``trial`` as running."""
        self._running.add(trial)
        self._know(TrialStatus(trial, costs, is_reference=is_reference))

    def on_paused(self, trial: int, errors: Sequence[float]) -> None:
        """Count ``trial`` as paused."""
        self._running.discard(trial)
        self._paused.add(trial)

    def on_ended(self, trial: int, errors: Sequence[float] = ()) -> None:
        """Count ``trial`` as ended."""
        self._running.discard(trial)
        self._paused.discard(trial)

    def on_lost(self, trial: int, *, counts: bool = True) -> None:
        """Put ``trial`` in front of the queue."""
        self._running.discard(trial)
        self._losses[trial] = self._losses.get(trial, 0) + counts
        self._waiting.appendleft(trial)

    def stop_starting(self) -> None:
        """Let what runs run to its end, and start nothing new."""
        self._starting = False

    def wind_down(self, is_over: bool) -> None:
        """Let what runs run to where it was to be trained, and begin nothing while this is so."""
        self._winding_down = is_over
