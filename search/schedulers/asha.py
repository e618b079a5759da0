"""Successive halving for two objectives: networks race those of their own size.

Parameters never change while a network is trained, so a tiny one would never lose to a larger one by
dominance, and a large one always to all that are as accurate. At every rung a network is compared with the
best of those that cost no more: how far it is from the front *at that rung* decides who goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.schedulers.base import FIFO, TrialStatus

Array = NDArray[np.float64]

BAND = 0.08
"""Networks that cost so little more count as of the same size, in parts of the range of log costs."""


def rung_epochs(epochs: int, reduction: int, first: int = 1) -> tuple[int, ...]:
    """Return the epochs after which trainings are compared, the last of them the end.

    Each is ``reduction`` times the one before, counted back from the end, none before ``first``.
    """
    rungs = [epochs]
    while (before := round(rungs[-1] / reduction)) >= first and before < rungs[-1]:
        rungs.append(before)
    return tuple(reversed(rungs))


class ASHA(FIFO):
    """Asynchronous successive halving of the promotion kind, for error against cost.

    Of the trials that have come to a rung, the best share of one in ``reduction`` may go on, whenever a slot
    is free: those nearest to the front, or farthest below it (see ``lead``). No trial waits for others. One
    that fails leaves its place to the next.
    """

    def __init__(self, total: int, rungs: Sequence[int], reduction: int, **trials: Any) -> None:
        """Take the ``trials`` of earlier runs and the named networks, as ``FIFO`` does."""
        self._rungs = tuple(rungs)
        self._reduction = reduction
        self._costs: dict[int, tuple[float, ...]] = {}
        self._at_rung: list[dict[int, float]] = [{} for _ in self._rungs]
        self._cut_short: set[int] = set()
        ended = list(trials.pop("ended", ()))
        super().__init__(total, ended=ended, **trials)
        for status in ended:
            self._note_end(status.trial, status.errors)

    def _know(self, status: TrialStatus) -> None:
        super()._know(status)
        if not status.is_reference:
            self._costs[status.trial] = status.costs
            # an interrupted trial has to race at the rung that it came to last
            errors = status.errors[:-1] if status.is_interrupted else status.errors
            self._note(status.trial, errors)

    def _note(self, trial: int, errors: Sequence[float]) -> None:
        for rung, epoch in enumerate(self._rungs):
            if len(errors) >= epoch and trial in self._costs:
                self._at_rung[rung][trial] = errors[epoch - 1]

    def on_paused(self, trial: int, errors: Sequence[float]) -> None:
        """Enter ``trial`` at its rung."""
        super().on_paused(trial, errors)
        self._note(trial, errors)

    def on_ended(self, trial: int, errors: Sequence[float] = ()) -> None:
        """Enter ``trial`` at the rungs it has come to."""
        super().on_ended(trial, errors)
        self._note(trial, errors)
        self._note_end(trial, errors)

    def _note_end(self, trial: int, errors: Sequence[float]) -> None:
        if len(errors) < self._rungs[-1]:
            self._cut_short.add(trial)

    def _first(self) -> int | None:
        return self._rungs[0]

    def _until(self, trial: int) -> int | None:
        if trial in self._reference_trials:
            return None
        reached = sum(trial in rung for rung in self._at_rung)
        return self._rungs[min(reached, len(self._rungs) - 1)]

    def _promotion(self) -> int | None:
        for rung in reversed(range(len(self._rungs) - 1)):
            here, above = self._at_rung[rung], self._at_rung[rung + 1]
            waiting = [trial for trial in self._paused if trial in here and trial not in above]
            if not waiting:
                continue
            places = len(here) // self._reduction
            if not above.keys() - self._cut_short and not self._running and not self._may_start:
                places = max(1, places)  # a study ends with at least one whole training
            leads = lead(here, self._costs)
            able = here.keys() - self._cut_short
            best = sorted(able, key=lambda trial: (leads[trial], trial))[:places]
            for trial in best:
                if trial in self._paused and trial not in above:
                    return trial
        return None

    def _last_promotion(self) -> int | None:
        """A search ends with at least one whole training, or all that it learned would be of no use."""
        if self._running or self._at_rung[-1].keys() - self._cut_short:
            return None
        for here in reversed(self._at_rung):
            if waiting := [trial for trial in self._paused if trial in here]:
                leads = lead(here, self._costs)
                return min(waiting, key=lambda trial: (leads[trial], trial))
        return None


def lead(errors: dict[int, float], costs: dict[int, tuple[float, ...]]) -> dict[int, float]:
    """Return how far each trial's error is above the front of the others, negative if below it.

    The front at a trial is the least error of the *others* that cost no more than it, or hardly more: those
    within ``BAND`` of the range of each log cost. Where there are none, it is the error of the worst.
    """
    trials = list(errors)
    logs = np.log([costs[trial] for trial in trials])
    values = np.array([errors[trial] for trial in trials])
    leads = _lead_at_one_cost(logs[:, 0], values) if logs.shape[1] == 1 else _lead_at_costs(logs, values)
    return dict(zip(trials, leads.tolist(), strict=True))


def _lead_at_costs(logs: Array, values: Array) -> Array:
    """Return the leads of errors (n) at several log costs (n x c), from all pairs."""
    bands = BAND * (logs.max(axis=0) - logs.min(axis=0)) + 1e-12
    in_reach = ~np.eye(len(values), dtype=bool)
    for column, band in zip(logs.T, bands, strict=True):
        in_reach &= column[None] <= column[:, None] + band
    best = np.where(in_reach, values[None], np.inf).min(axis=1, initial=np.inf)
    return np.asarray(values - np.where(np.isfinite(best), best, values.max()))


def _lead_at_one_cost(logs: Array, values: Array) -> Array:
    """Return the same for one cost (n), whose order makes it quicker."""
    order = np.argsort(logs, kind="stable")
    least = np.minimum.accumulate(values[order])
    reach = np.searchsorted(logs[order], logs + BAND * (logs.max() - logs.min()) + 1e-12, side="right") - 1
    front = least[reach]
    leads = values - front
    # who is the front itself is compared with the second best in reach
    for row in np.flatnonzero(leads <= 0.0):
        others = np.delete(order[: reach[row] + 1], np.flatnonzero(order[: reach[row] + 1] == row))
        best = values[others].min() if len(others) else values.max()
        leads[row] = values[row] - best
    return np.asarray(leads)
