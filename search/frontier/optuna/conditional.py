"""Conditional parameters of an Optuna study: which parameters a point has, learned from the trials."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState

ParamNames = frozenset[str]
"""The names of the parameters of a trial."""


@dataclass(frozen=True)
class Branches:
    """A node of the decision tree over parameter values; its leaves are sets of parameter names.

    ``places`` are values of the parameter as numbers, ascending: the choices seen of a category, the upper end of
    each range of a number. A number between two ranges takes the upper one; an unseen choice takes ``latest``.
    """

    name: str
    distribution: BaseDistribution
    places: tuple[float, ...]
    branches: tuple[Branches | ParamNames, ...]
    latest: ParamNames

    def branch(self, values: Mapping[str, Any]) -> Branches | ParamNames:
        """Return the child node for the values of a point."""
        place = self.distribution.to_internal_repr(values[self.name])
        index = bisect_left(self.places, place)
        if isinstance(self.distribution, CategoricalDistribution):
            is_seen = index < len(self.places) and self.places[index] == place
            return self.branches[index] if is_seen else self.latest
        return self.branches[min(index, len(self.branches) - 1)]


def names_at(values: Mapping[str, Any], condition: Branches | ParamNames) -> ParamNames:
    """Return the names of the parameters that a point has, given values for all parameters."""
    while isinstance(condition, Branches):
        condition = condition.branch(values)
    return condition


def learn_condition(trials: Sequence[FrozenTrial]) -> Branches | ParamNames:
    """Return the decision tree of trials, in the order of their numbers.

    Where no parameter separates the sets, the latest set applies: the objective may have been edited.
    """
    return _condition(_informative(trials))


def _informative(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials without those that were pruned before they suggested all parameters."""
    whole = {frozenset(trial.params) for trial in trials if trial.state == TrialState.COMPLETE}
    kept = [
        trial
        for trial in trials
        if trial.state == TrialState.COMPLETE or not any(frozenset(trial.params) < names for names in whole)
    ]
    return kept or list(trials)


def _condition(trials: Sequence[FrozenTrial]) -> Branches | ParamNames:
    name_sets = [frozenset(trial.params) for trial in trials]
    if len(set(name_sets)) == 1:
        return name_sets[-1]
    common = set.intersection(*(set(names) for names in name_sets))
    best: tuple[int, int, str] | None = None
    best_groups: list[tuple[float, list[int]]] = []
    for name in sorted(common):
        groups = _groups(name, trials, name_sets)
        num_right = sum(max(Counter(name_sets[row] for row in rows).values()) for _, rows in groups)
        score = (num_right, -len(groups), name)
        if len(groups) > 1 and (best is None or score[:2] > best[:2]):
            best, best_groups = score, groups
    if best is None or best[0] <= max(Counter(name_sets).values()):
        return name_sets[-1]
    distribution = trials[-1].distributions[best[2]]
    branches = tuple(_condition([trials[row] for row in rows]) for _, rows in best_groups)
    return Branches(best[2], distribution, tuple(place for place, _ in best_groups), branches, name_sets[-1])


def _groups(
    name: str, trials: Sequence[FrozenTrial], name_sets: Sequence[ParamNames]
) -> list[tuple[float, list[int]]]:
    """Return rows of ``trials`` grouped by a parameter: by choice, or by ranges that share a set of names.

    A number may have as many ranges as there are sets; more ranges than that are chance.
    """
    distribution = trials[-1].distributions[name]
    by_place: dict[float, list[int]] = {}
    for row, trial in enumerate(trials):
        by_place.setdefault(distribution.to_internal_repr(trial.params[name]), []).append(row)
    places = sorted(by_place.items())
    if isinstance(distribution, CategoricalDistribution):
        return places
    usual = {place: Counter(name_sets[row] for row in rows).most_common(1)[0][0] for place, rows in places}
    ranges = []
    for _, run in groupby(places, key=lambda place: usual[place[0]]):
        values = list(run)
        ranges.append((values[-1][0], sorted(row for _, rows in values for row in rows)))
    return ranges if len(ranges) <= len(set(name_sets)) else []
