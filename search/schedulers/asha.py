"""Asynchronous successive halving for error and costs.

Costs do not change during a training. By dominance, a tiny network would never lose to a larger one, and a large
network would lose to every equally accurate one. Instead, each rung ranks networks by their lead: the distance of
their error from the front at this rung, among networks of at most the same cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.schedulers.base import FIFO, TrialStatus

Array = NDArray[np.float64]

BAND = 0.08
"""The tolerance of "at most the same cost", as a fraction of the range of log costs."""


class ASHA(FIFO):
    """Asynchronous successive halving (ASHA) by promotion.

    Of ``n`` trials at a rung, the ``n // reduction`` with the lowest ``lead`` are promoted as soon as a slot is
    free. No trial waits for others. A failed trial leaves its place to the next one.

    Source: Li et al. 2020, A System for Massively Parallel Hyperparameter Tuning (ASHA).

    Args:
        total: The number of trials to start.
        rungs: The rungs in epochs, ascending.
        reduction: The reduction factor.
        trials: The other arguments of ``FIFO``.
    """

    def __init__(self, total: int, rungs: Sequence[int], reduction: int, **trials: Any) -> None:
        self._rungs = tuple(rungs)
        self._reduction = reduction
        self._costs: dict[int, tuple[float, ...]] = {}
        self._at_rung: list[dict[int, float]] = [{} for _ in self._rungs]
        self._cut_short: set[int] = set()
        self._rankings: list[list[int] | None] = [None] * len(self._rungs)
        ended = list(trials.pop("ended", ()))
        super().__init__(total, ended=ended, **trials)
        for status in ended:
            self._note_end(status.trial, status.errors)

    def _know(self, status: TrialStatus) -> None:
        super()._know(status)
        if not status.is_reference:
            self._costs[status.trial] = status.costs
            # the latest rung of an interrupted trial counts only after its pause
            errors = status.errors[:-1] if status.is_interrupted else status.errors
            self._note(status.trial, errors)

    def _note(self, trial: int, errors: Sequence[float]) -> None:
        for rung, epoch in enumerate(self._rungs):
            if len(errors) >= epoch and trial in self._costs:
                self._at_rung[rung][trial] = errors[epoch - 1]
                self._rankings[rung] = None

    def on_paused(self, trial: int, errors: Sequence[float]) -> None:
        """Record the error of ``trial`` at its rung."""
        super().on_paused(trial, errors)
        self._note(trial, errors)

    def on_ended(self, trial: int, errors: Sequence[float] = ()) -> None:
        """Record the errors of ``trial`` at the rungs it reached."""
        super().on_ended(trial, errors)
        self._note(trial, errors)
        self._note_end(trial, errors)

    def _note_end(self, trial: int, errors: Sequence[float]) -> None:
        if len(errors) < self._rungs[-1]:
            self._cut_short.add(trial)
            self._rankings = [None] * len(self._rungs)

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
                places = max(1, places)  # a study ends with at least one complete training
            for trial in self._ranking(rung)[:places]:
                if trial in self._paused and trial not in above:
                    return trial
        return None

    def _ranking(self, rung: int) -> list[int]:
        """Return the trials at a rung by ascending lead, without those that ended early."""
        ranking = self._rankings[rung]
        if ranking is None:
            here = self._at_rung[rung]
            leads = lead(here, self._costs)
            able = here.keys() - self._cut_short
            ranking = self._rankings[rung] = sorted(able, key=lambda trial: (leads[trial], trial))
        return ranking

    def _last_promotion(self) -> int | None:
        """Return the best paused trial of the highest rung if no training is complete; None otherwise."""
        if self._running or self._at_rung[-1].keys() - self._cut_short:
            return None
        for here in reversed(self._at_rung):
            if waiting := [trial for trial in self._paused if trial in here]:
                leads = lead(here, self._costs)
                return min(waiting, key=lambda trial: (leads[trial], trial))
        return None


def lead(errors: dict[int, float], costs: dict[int, tuple[float, ...]]) -> dict[int, float]:
    """Return the lead of each trial: its error minus the front of the other trials; below 0 it improves the front.

    The front at a trial is the lowest error of the other trials whose log costs are at most its own plus ``BAND``
    times the range of the log cost. Without such trials it is the highest error of all.

    Args:
        errors: The error of each trial at one rung.
        costs: The costs of each trial.
    """
    trials = list(errors)
    logs = np.log([costs[trial] for trial in trials])
    leads = leads_at(logs, np.array([errors[trial] for trial in trials]))
    return dict(zip(trials, leads.tolist(), strict=True))


def leads_at(logs: Array, errors: Array) -> Array:
    """Return the leads of errors (n) at log costs (n x c); without costs, the distances to the lowest other error."""
    return _lead_at_one_cost(logs[:, 0], errors) if logs.shape[1] == 1 else _lead_at_costs(logs, errors)


def _lead_at_costs(logs: Array, values: Array) -> Array:
    """Return the leads of errors (n) at several log costs (n x c), from all pairs."""
    bands = BAND * (logs.max(axis=0) - logs.min(axis=0)) + 1e-12
    in_reach = ~np.eye(len(values), dtype=bool)
    for column, band in zip(logs.T, bands, strict=True):
        in_reach &= column[None] <= column[:, None] + band
    best = np.where(in_reach, values[None], np.inf).min(axis=1, initial=np.inf)
    return np.asarray(values - np.where(np.isfinite(best), best, values.max()))


def _lead_at_one_cost(logs: Array, values: Array) -> Array:
    """Return the same for one cost (n); sorting makes this faster than all pairs."""
    order = np.argsort(logs, kind="stable")
    least = np.minimum.accumulate(values[order])
    reach = np.searchsorted(logs[order], logs + BAND * (logs.max() - logs.min()) + 1e-12, side="right") - 1
    front = least[reach]
    leads = values - front
    # a trial on the front is compared with the second best in reach
    for row in np.flatnonzero(leads <= 0.0):
        others = np.delete(order[: reach[row] + 1], np.flatnonzero(order[: reach[row] + 1] == row))
        best = values[others].min() if len(others) else values.max()
        leads[row] = values[row] - best
    return np.asarray(leads)
