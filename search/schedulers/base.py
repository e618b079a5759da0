"""The interface of schedulers, their decisions, and FIFO.

A scheduler is a pure state machine: events in, decisions out. It has no clock and no process; the driver carries
out its decisions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True)
class StartNew:
    """Train a new network of the sampler to the end of epoch ``until``; None trains to the last epoch."""

    until: int | None = None


@dataclass(frozen=True)
class StartNamed:
    """Train a network that the configuration names, to its last epoch.

    Attributes:
        network: A reference or a notation.
        seed: The seed of the training; None derives it from the study's seed and the trial's number.
        is_reference: Whether the network is a reference for comparison and not part of the search.
    """

    network: str
    seed: int | None = None
    is_reference: bool = False


@dataclass(frozen=True)
class Resume:
    """Resume the training of a trial up to the end of epoch ``until``; None trains to the last epoch."""

    trial: int
    until: int | None = None


@dataclass(frozen=True)
class Fail:
    """End a trial as failed, after too many of its workers died."""

    trial: int


@dataclass(frozen=True)
class Stop:
    """End a paused trial at its current epoch."""

    trial: int


@dataclass(frozen=True)
class Wait:
    """Do nothing until the next event."""


@dataclass(frozen=True)
class Done:
    """End the search."""


SchedulerName = Literal["fifo", "asha", "freeze_thaw"]
"""The values of ``search.scheduler``."""

Decision = StartNew | StartNamed | Resume | Fail | Stop | Wait | Done


class ContinuationPolicy(Protocol):
    """The policy that chooses the paused training to resume."""

    def best_to_continue(self, paused: Collection[int], *, may_start: bool) -> int | None:
        """Return the number of the paused trial to resume, or None.

        None means that a new network has a higher acquisition value. If no network ``may_start``, None means
        that no paused training is expected to improve the front.
        """
        ...


@dataclass(frozen=True)
class TrialStatus:
    """The state of a trial, as far as a scheduler needs it.

    Attributes:
        trial: The number of the trial.
        costs: The costs of its network, for example its parameters.
        errors: The error after each epoch so far.
        losses: The number of workers that died during its training.
        is_reference: Whether it is a reference and not part of the search.
        is_interrupted: Whether it was running when an earlier run ended.
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
        """Return the decision for a free slot."""
        ...

    def on_started(self, trial: int, costs: tuple[float, ...], *, is_reference: bool = False) -> None:
        """Record that a new trial started."""
        ...

    def on_paused(self, trial: int, errors: Sequence[float]) -> None:
        """Record that a trial reached its rung, with its error after each epoch."""
        ...

    def on_ended(self, trial: int, errors: Sequence[float] = ()) -> None:
        """Record that a trial is complete, failed or stopped."""
        ...

    def on_lost(self, trial: int, *, counts: bool = True) -> None:
        """Record that a trial's worker died; ``counts`` says whether this adds to the losses of the trial."""
        ...

    def stop_starting(self) -> None:
        """Start no new trial from now on: the search space is exhausted."""
        ...

    def wind_down(self, is_over: bool) -> None:
        """Start and resume nothing while a budget is spent (``is_over``).

        Exception: without any complete training, the best paused one continues to its last epoch.
        """
        ...


class FIFO:
    """First in, first out: trains each network to its last epoch.

    Interrupted trials come first, then the named networks; both ignore the budget.

    Args:
        total: The number of trials to start over all runs, without references.
        ended: Trials of earlier runs that are complete, failed or stopped.
        paused: Trials of earlier runs that are paused.
        interrupted: Trials that were running when an earlier run ended.
        max_losses: The number of dead workers after which a trial fails.
        named: The named networks that have no trial yet.
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
        """Count a trial."""
        if status.is_reference:
            self._reference_trials.add(status.trial)
        else:
            self._num_started += 1

    def decide(self) -> Decision:
        """Return the decision for a free slot."""
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
        """Whether a new trial may start; the first one may also start after a budget is spent."""
        is_late = self._winding_down and self._num_started > 0
        return self._starting and not is_late and self._num_started < self._total

    def _first(self) -> int | None:
        """Return the epoch at which a new trial pauses; None for none."""
        return None

    def _until(self, trial: int) -> int | None:
        """Return the epoch at which a resumed trial pauses; None for none."""
        return None

    def _promotion(self) -> int | None:
        """Return the paused trial to resume before a new one starts; None for none."""
        return min(self._paused, default=None)

    def _last_promotion(self) -> int | None:
        """Return the paused trial to resume although a budget is spent; None for none."""
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
        """Put ``trial`` at the front of the queue."""
        self._running.discard(trial)
        self._losses[trial] = self._losses.get(trial, 0) + counts
        self._waiting.appendleft(trial)

    def stop_starting(self) -> None:
        """Start no new trial; running trials continue."""
        self._starting = False

    def wind_down(self, is_over: bool) -> None:
        """Start and resume nothing while ``is_over``; running trials continue to their rung."""
        self._winding_down = is_over
