"""The Pareto front of validation accuracy (up) against costs (down), and its hypervolume."""

from __future__ import annotations

import math
from collections.abc import Iterable

from results.hypervolume import hypervolume
from results.storage.objectives import Ranges, check_costs, cost_of, costs_of
from results.storage.records import TrialRecord

PARAMS = ("params",)
TINY = 1e-12
GROWTH = 1e-3
"""Growth of the hypervolume, in parts of it, or of the best accuracy, from which on a front grows."""


def complete_trials(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that have a result, in the order given: those that ``accuracy`` takes."""
    return [trial for trial in trials if trial.state == "complete" and trial.val_accuracy is not None]


def accuracy(trial: TrialRecord) -> float:
    """Return the validation accuracy of a complete trial, from 0 to 1."""
    assert trial.val_accuracy is not None, f"trial {trial.number} has no accuracy"
    return trial.val_accuracy


def pareto_front(trials: Iterable[TrialRecord], costs: tuple[str, ...] = PARAMS) -> list[TrialRecord]:
    """Return the trials that no other trial dominates, in ascending order of the first cost.

    Trials without a result or without one of the costs are ignored. Of equal trials, the first one remains.

    Args:
        trials: Trials of a study.
        costs: Objectives to minimise; error is always an objective.

    Raises:
        InvalidInputError: A cost is unknown, or ``costs`` is empty.
    """
    check_costs(costs)
    priced = [(found, trial) for trial in complete_trials(trials) if (found := costs_of(trial, costs))]
    priced.sort(key=lambda pair: (pair[0], -accuracy(pair[1]), pair[1].number))
    front: list[tuple[tuple[float, ...], TrialRecord]] = []
    for price, trial in priced:
        if len(costs) == 1:
            is_beaten = bool(front) and accuracy(front[-1][1]) >= accuracy(trial)
        else:
            is_beaten = any(_beats(other, price, accuracy(one), accuracy(trial)) for other, one in front)
        if not is_beaten:
            front.append((price, trial))
    return [trial for _, trial in front]


def _beats(cost: tuple[float, ...], than: tuple[float, ...], reached: float, other: float) -> bool:
    return reached >= other and all(mine <= its for mine, its in zip(cost, than, strict=True))


class FrontHistory:
    """The front and its hypervolume as they grow, trial by trial, in the order in which trials finish.

    The hypervolume is the share of the box that complete trials dominate, from 0 to 1. The box spans the
    error 1 - accuracy from 0 to 1, and the logarithm of each cost over its range, so that studies of one
    space compare, whatever they have found; where a range is not known before, it is that of the trials so
    far. ``last_growth_s`` is when the hypervolume last grew by ``GROWTH`` of itself, or the best
    accuracy by as much, on the study's clock.
    """

    def __init__(self, ranges: Ranges) -> None:
        self._ranges = dict(ranges)
        self._seen = {name: bounds for name, bounds in ranges.items() if bounds is not None}
        self._added: list[TrialRecord] = []
        self._begin()

    def _begin(self) -> None:
        self._points: list[tuple[float, ...]] = []
        self._reached, self._most_accurate = 0.0, 0.0
        self.front: list[TrialRecord] = []
        self.hypervolume = 0.0
        self.last_growth_s = 0.0

    def add(self, trial: TrialRecord) -> None:
        """Take in a complete trial; one without all of its costs changes nothing."""
        price = costs_of(trial, tuple(self._ranges))
        if price is None:
            return
        self._added.append(trial)
        if self._widen(price):
            self._begin()
            for one in self._added:
                self._count(one)
        else:
            self._count(trial)

    def _widen(self, price: tuple[float, ...]) -> bool:
        """Make room for costs whose range is not known before; tell whether there was none."""
        before = dict(self._seen)
        for (name, bounds), value in zip(self._ranges.items(), price, strict=True):
            if bounds is None:
                low, high = self._seen.get(name, (value, value))
                self._seen[name] = min(low, value), max(high, value)
        return self._seen != before

    def _count(self, trial: TrialRecord) -> None:
        self.front = pareto_front([*self.front, trial], tuple(self._ranges))
        if any(one is trial for one in self.front):
            self._grow((1.0 - accuracy(trial), *self._scaled(trial)))
        # the largest network adds next to nothing to the hypervolume, however accurate it is
        has_grown = self.hypervolume > self._reached * (1.0 + GROWTH)
        is_better = accuracy(trial) > self._most_accurate + GROWTH
        if not self._reached or has_grown or is_better:
            self._reached, self.last_growth_s = self.hypervolume, trial.finished_s or 0.0
            self._most_accurate = max(self._most_accurate, accuracy(trial))

    def _scaled(self, trial: TrialRecord) -> list[float]:
        """Return a trial's costs as places between the lowest, 0, and the highest, 1, over logarithms."""
        scaled = []
        for name in self._ranges:
            low, high = (math.log(max(bound, TINY)) for bound in self._seen[name])
            place = (math.log(max(cost_of(trial, name) or 0.0, TINY)) - low) / max(high - low, TINY)
            scaled.append(max(0.0, place))
        return scaled

    def num_since_growth(self, trials: Iterable[TrialRecord]) -> int:
        """Return how many of these trials have begun since the front last grew; 0 before any result."""
        return sum(trial.started_s >= self.last_growth_s for trial in trials) if self.front else 0

    def _grow(self, new: tuple[float, ...]) -> None:
        reference = [1.0] * len(new)
        # what a point adds is its own box, less what others dominate of that
        inside = [tuple(max(a, b) for a, b in zip(point, new, strict=True)) for point in self._points]
        self.hypervolume += hypervolume([new], reference) - hypervolume(inside, reference)
        kept = [p for p in self._points if not all(a >= b for a, b in zip(p, new, strict=True))]
        self._points = [*kept, new]


def resolved(ranges: Ranges, trials: Iterable[TrialRecord]) -> dict[str, tuple[float, float]]:
    """Return the ranges, those that are not known before from what complete trials have measured."""
    prices = [costs_of(trial, tuple(ranges)) for trial in complete_trials(trials)]
    found: dict[str, tuple[float, float]] = {}
    for place, (name, bounds) in enumerate(ranges.items()):
        seen = [price[place] for price in prices if price is not None]
        found[name] = bounds or (min(seen, default=1.0), max(seen, default=1.0))
    return found


def front_hypervolume(trials: Iterable[TrialRecord], ranges: Ranges) -> float:
    """Return the share of the box of error and log costs that the complete trials dominate, from 0 to 1."""
    return front_history(trials, ranges).hypervolume


def front_history(trials: Iterable[TrialRecord], ranges: Ranges) -> FrontHistory:
    """Return the history of all complete trials, in the order in which they finished."""
    history = FrontHistory(ranges)
    for trial in _by_finish(trials):
        history.add(trial)
    return history


def _by_finish(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    return sorted(complete_trials(trials), key=lambda trial: (trial.finished_s or 0.0, trial.number))


def hypervolume_history(trials: Iterable[TrialRecord], ranges: Ranges) -> list[tuple[float, float]]:
    """Return (seconds on the study's clock, hypervolume) after each complete trial, in order of time."""
    finished = [trial for trial in _by_finish(trials) if trial.finished_s is not None]
    history = FrontHistory(resolved(ranges, finished))
    steps: list[tuple[float, float]] = []
    for trial in finished:
        history.add(trial)
        steps.append((trial.finished_s or 0.0, history.hypervolume))
    return steps


def trials_since_growth(trials: Iterable[TrialRecord], ranges: Ranges) -> int:
    """Return how many trials have begun since one last made the front's hypervolume or best accuracy grow.

    Growth of less than a thousandth does not count, but adds up. Before the first result it is 0.
    """
    trials = list(trials)
    return front_history(trials, ranges).num_since_growth(trials)


def why_no_front(trials: Iterable[TrialRecord]) -> str:
    """Return in words why there is no front of these trials yet."""
    trials = list(trials)
    if complete_trials(trials):
        return "no trial with a result has all of its costs"
    failed = [trial for trial in trials if trial.state == "failed"]
    if not failed:
        return "no trial has finished with a result yet"
    return f"no trial has a result; {len(failed)} failed, the last one: {failed[-1].short_reason}"
