"""Which parameters a point of anybody's Optuna study has, as far as its trials tell."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

Shape = frozenset[str]
"""The parameters of a trial."""


@dataclass(frozen=True)
class Branches:
    """A parameter on which it depends what other parameters there are.

    ``places`` are its values in order, as numbers: of a category those of its choices that were seen, of a
    number the last of each range. What was not seen goes the way of what is next to it, or of a category of
    the ``latest``.
    """

    name: str
    distribution: BaseDistribution
    places: tuple[float, ...]
    ways: tuple[Branches | Shape, ...]
    latest: Shape

    def way(self, values: Mapping[str, Any]) -> Branches | Shape:
        """Return what follows from the values of a point."""
        place = self.distribution.to_internal_repr(values[self.name])
        index = bisect_left(self.places, place)
        if isinstance(self.distribution, CategoricalDistribution):
            is_seen = index < len(self.places) and self.places[index] == place
            return self.ways[index] if is_seen else self.latest
        return self.ways[min(index, len(self.ways) - 1)]


def shape_of(values: Mapping[str, Any], rule: Branches | Shape) -> Shape:
    """Return the parameters that a point has, of values for all that there are."""
    while isinstance(rule, Branches):
        rule = rule.way(values)
    return rule


def learned_rule(trials: Sequence[FrozenTrial]) -> Branches | Shape:
    """Return what decides about the parameters of a trial, from trials in the order of their numbers.

    Where nothing in the parameters tells trials apart, the latest are right: they may be of a newer program.
    """
    return _rule(_telling(trials))


def _telling(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return all trials but those that were pruned before they had come to all of their parameters."""
    whole = {frozenset(trial.params) for trial in trials if trial.state == TrialState.COMPLETE}
    kept = [
        trial
        for trial in trials
        if trial.state == TrialState.COMPLETE or not any(frozenset(trial.params) < shape for shape in whole)
    ]
    return kept or list(trials)


def _rule(trials: Sequence[FrozenTrial]) -> Branches | Shape:
    shapes = [frozenset(trial.params) for trial in trials]
    if len(set(shapes)) == 1:
        return shapes[-1]
    common = set.intersection(*(set(shape) for shape in shapes))
    best: tuple[int, int, str] | None = None
    found: list[tuple[float, list[int]]] = []
    for name in sorted(common):
        groups = _groups(name, trials, shapes)
        num_right = sum(max(Counter(shapes[row] for row in rows).values()) for _, rows in groups)
        score = (num_right, -len(groups), name)
        if len(groups) > 1 and (best is None or score[:2] > best[:2]):
            best, found = score, groups
    if best is None or best[0] <= max(Counter(shapes).values()):
        return shapes[-1]
    distribution = trials[-1].distributions[best[2]]
    ways = tuple(_rule([trials[row] for row in rows]) for _, rows in found)
    return Branches(best[2], distribution, tuple(place for place, _ in found), ways, shapes[-1])


def _groups(
    name: str, trials: Sequence[FrozenTrial], shapes: Sequence[Shape]
) -> list[tuple[float, list[int]]]:
    """Return the trials (their rows) by a parameter's value: by category, or by ranges of one shape each.

    A number has at most as many ranges as there are shapes: with more, it looks like chance.
    """
    distribution = trials[-1].distributions[name]
    by_place: dict[float, list[int]] = {}
    for row, trial in enumerate(trials):
        by_place.setdefault(distribution.to_internal_repr(trial.params[name]), []).append(row)
    places = sorted(by_place.items())
    if isinstance(distribution, CategoricalDistribution):
        return places
    usual = {place: Counter(shapes[row] for row in rows).most_common(1)[0][0] for place, rows in places}
    ranges = []
    for _, run in groupby(places, key=lambda place: usual[place[0]]):
        values = list(run)
        ranges.append((values[-1][0], sorted(row for _, rows in values for row in rows)))
    return ranges if len(ranges) <= len(set(shapes)) else []
