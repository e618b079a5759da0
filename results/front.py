"""The Pareto front of validation accuracy (maximised) against costs (minimised), and its hypervolume."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from results.hypervolume import hypervolume
from results.storage.objectives import PARAMS, Objectives
from results.storage.records import TrialRecord

TINY = 1e-12
GROWTH = 1e-3
"""The smallest growth that counts: relative for the hypervolume, absolute for the best accuracy."""


def complete_trials(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return the trials with a result, in the given order."""
    return [trial for trial in trials if trial.state == "complete" and trial.val_accuracy is not None]


def accuracy(trial: TrialRecord) -> float:
    """Return the validation accuracy of a complete trial, from 0 to 1."""
    assert trial.val_accuracy is not None, f"trial {trial.number} has no accuracy"
    return trial.val_accuracy


def pareto_front(trials: Iterable[TrialRecord], objectives: Objectives = PARAMS) -> list[TrialRecord]:
    """Return the Pareto front of the complete trials, by ascending first cost.

    A trial dominates another if it has at least the same accuracy and no higher cost. Among trials with equal
    values, the one with the lowest number is on the front. A trial with an unknown cost is not on the front.

    Example:
        >>> study = mgnas.open_study("runs/digits")
        >>> mgnas.pareto_front(study.records, mgnas.Objectives.named(["params", "latency_ms"]))
    """
    front = _Front()
    known = [trial for trial in complete_trials(trials) if objectives.are_known(trial)]
    for entry in sorted((_entry(trial, objectives) for trial in known), key=lambda entry: entry.order):
        front.add(entry)
    return front.trials


class _Entry(NamedTuple):
    """A trial with its values; all of them are minimised."""

    costs: tuple[float, ...]
    negative_accuracy: float
    trial: TrialRecord

    @property
    def order(self) -> tuple[tuple[float, ...], float, int]:
        """The place in a front: by costs, then by error, then by number."""
        return self.costs, self.negative_accuracy, self.trial.number

    def dominates(self, other: _Entry) -> bool:
        """Return whether this trial is nowhere worse than the other one."""
        return self.negative_accuracy <= other.negative_accuracy and all(
            mine <= its for mine, its in zip(self.costs, other.costs, strict=True)
        )


def _entry(trial: TrialRecord, objectives: Objectives) -> _Entry:
    return _Entry(objectives.values(trial), -accuracy(trial), trial)


class _Front:
    """A Pareto front that trials are added to in any order.

    Only earlier entries can dominate a new one, and it can dominate only later ones. With one cost, the accuracy
    increases along the front, so the neighbours suffice.
    """

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    @property
    def trials(self) -> list[TrialRecord]:
        """The trials on the front, by ascending first cost."""
        return [entry.trial for entry in self._entries]

    def add(self, new: _Entry) -> bool:
        """Add a trial unless the front dominates it; return whether it is on the front."""
        place = bisect_right(self._entries, new.order, key=lambda entry: entry.order)
        has_one_cost = len(new.costs) == 1
        earlier = self._entries[max(place - 1, 0) if has_one_cost else 0 : place]
        if any(entry.dominates(new) for entry in earlier):
            return False
        if has_one_cost:
            end = place
            while end < len(self._entries) and new.dominates(self._entries[end]):
                end += 1
            self._entries[place:end] = [new]
        else:
            kept = [entry for entry in self._entries[place:] if not new.dominates(entry)]
            self._entries[place:] = [new, *kept]
        return True


class FrontHistory:
    """The Pareto front and its hypervolume after each complete trial, in order of completion.

    The hypervolume is the fraction of a box that the front dominates, from 0 to 1. The box has the axis
    ``1 - accuracy`` from 0 to 1 and, for each cost, ``(log c - log low) / (log high - log low)`` over its
    reference range. Studies of the same space are therefore comparable. The range of a measured cost is its
    range in the trials so far.

    Attributes:
        hypervolume: The hypervolume of the current front.
        last_growth_s: The time on the study's clock when the hypervolume or the best accuracy last grew by
            ``GROWTH``.
    """

    def __init__(self, objectives: Objectives) -> None:
        self._objectives = objectives
        self._seen = {name: bounds for name, bounds in objectives.ranges.items() if bounds is not None}
        self._added: list[TrialRecord] = []
        self._begin()

    def _begin(self) -> None:
        self._points: list[tuple[float, ...]] = []
        self._reached, self._most_accurate = 0.0, 0.0
        self._front = _Front()
        self.hypervolume = 0.0
        self.last_growth_s = 0.0

    @property
    def front(self) -> list[TrialRecord]:
        """The current front, by ascending first cost."""
        return self._front.trials

    def add(self, trial: TrialRecord) -> None:
        """Add a complete trial; a trial with an unknown cost is ignored."""
        if not self._objectives.are_known(trial):
            return
        self._added.append(trial)
        if self._widen(self._objectives.values(trial)):
            self._begin()
            for one in self._added:
                self._count(one)
        else:
            self._count(trial)

    def _widen(self, costs: tuple[float, ...]) -> bool:
        """Extend the ranges of measured costs to include ``costs``; return whether a range changed."""
        before = dict(self._seen)
        for (name, bounds), value in zip(self._objectives.ranges.items(), costs, strict=True):
            if bounds is None:
                low, high = self._seen.get(name, (value, value))
                self._seen[name] = min(low, value), max(high, value)
        return self._seen != before

    def _count(self, trial: TrialRecord) -> None:
        if self._front.add(_entry(trial, self._objectives)):
            self._grow((1.0 - accuracy(trial), *self._scaled(trial)))
        # an accurate largest network hardly changes the hypervolume
        has_grown = self.hypervolume > self._reached * (1.0 + GROWTH)
        is_better = accuracy(trial) > self._most_accurate + GROWTH
        if not self._reached or has_grown or is_better:
            self._reached, self.last_growth_s = self.hypervolume, trial.finished_s or 0.0
            self._most_accurate = max(self._most_accurate, accuracy(trial))

    def _scaled(self, trial: TrialRecord) -> list[float]:
        """Return the costs of a trial on the axes of the box: 0 at the lowest, 1 at the highest value."""
        scaled = []
        for cost in self._objectives.costs:
            low, high = (math.log(max(bound, TINY)) for bound in self._seen[cost.name])
            position = (math.log(max(cost.of(trial), TINY)) - low) / max(high - low, TINY)
            scaled.append(max(0.0, position))
        return scaled

    def num_since_growth(self, trials: Iterable[TrialRecord]) -> int:
        """Return the number of these trials that started since the last growth; 0 before the first result."""
        return sum(trial.started_s >= self.last_growth_s for trial in trials) if self.front else 0

    def _grow(self, new: tuple[float, ...]) -> None:
        reference = [1.0] * len(new)
        # gain of a point = its box minus the part dominated by other points
        inside = [tuple(max(a, b) for a, b in zip(point, new, strict=True)) for point in self._points]
        self.hypervolume += hypervolume([new], reference) - hypervolume(inside, reference)
        kept = [p for p in self._points if not all(a >= b for a, b in zip(p, new, strict=True))]
        self._points = [*kept, new]


def front_hypervolume(trials: Iterable[TrialRecord], objectives: Objectives) -> float:
    """Return the hypervolume of the complete trials, from 0 to 1; see ``FrontHistory``."""
    return front_history(trials, objectives).hypervolume


def front_history(trials: Iterable[TrialRecord], objectives: Objectives) -> FrontHistory:
    """Return the history of all complete trials."""
    history = FrontHistory(objectives)
    for trial in _by_finish(trials):
        history.add(trial)
    return history


def _by_finish(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    return sorted(complete_trials(trials), key=lambda trial: (trial.finished_s or 0.0, trial.number))


def hypervolume_history(trials: Iterable[TrialRecord], objectives: Objectives) -> list[tuple[float, float]]:
    """Return (seconds on the study's clock, hypervolume) after each complete trial, by ascending time.

    The range of a measured cost covers all trials. The hypervolume therefore never decreases.
    """
    finished = [trial for trial in _by_finish(trials) if trial.finished_s is not None]
    history = FrontHistory(objectives.resolved(finished))
    steps: list[tuple[float, float]] = []
    for trial in finished:
        history.add(trial)
        steps.append((trial.finished_s or 0.0, history.hypervolume))
    return steps


def trials_since_growth(trials: Iterable[TrialRecord], objectives: Objectives) -> int:
    """Return the number of trials started since the last improvement; 0 before the first result.

    An improvement is a growth of the hypervolume or the best accuracy by ``GROWTH``. Smaller growth adds up.
    """
    trials = list(trials)
    return front_history(trials, objectives).num_since_growth(trials)


def why_no_front(trials: Iterable[TrialRecord]) -> str:
    """Return the reason for an empty front of these trials."""
    trials = list(trials)
    if complete_trials(trials):
        return "no trial with a result has all of its costs"
    failed = [trial for trial in trials if trial.state == "failed"]
    if not failed:
        return "no trial has finished with a result yet"
    return f"no trial has a result; {len(failed)} failed, the last one: {failed[-1].short_reason}"
