"""Ranges of the parameters of an Optuna study, also ranges that depend on other parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

Number = FloatDistribution | IntDistribution

MAX_EDITS = 2
"""Changes of a range up to which the user has edited it; the latest range then counts."""


@dataclass(frozen=True)
class Split:
    """An inner node of a regression tree: is a parameter, as a number, at most ``threshold``?"""

    name: str
    threshold: float
    yes: Tree
    no: Tree


Tree = Split | tuple[float, float]
"""Leaves are the low and the high end of a range."""


@dataclass(frozen=True)
class DynamicRange:
    """A range that depends on the parameters suggested before it.

    ``asked`` has the distributions of those parameters. ``whole`` is the union of all ranges seen.
    """

    whole: Number
    asked: Mapping[str, BaseDistribution]
    tree: Tree

    def at(self, values: Mapping[str, Any]) -> Number:
        """Return the predicted range at a point with these values."""
        found = self.tree
        while isinstance(found, Split):
            place = _place(self.asked[found.name], found.name, values)
            found = found.yes if place <= found.threshold else found.no
        return _with_ends(self.whole, *found)


def clipped(distribution: BaseDistribution, value: Any) -> Any:
    """Return the value of the distribution nearest to ``value``."""
    if isinstance(distribution, CategoricalDistribution):
        return value
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    low, step = distribution.low, distribution.step
    value = min(max(value, low), distribution.high)
    if step is not None:
        value = min(low + step * round((value - low) / step), distribution.high)
    return int(value) if isinstance(distribution, IntDistribution) else float(value)


def ranges_of(
    trials: Sequence[FrozenTrial],
) -> tuple[dict[str, BaseDistribution], dict[str, DynamicRange]]:
    """Return the distributions of all parameters, and the ranges that depend on other parameters.

    A range that changed once or twice was edited by the user: the latest range counts.
    """
    shown: dict[str, list[FrozenTrial]] = {}
    for trial in trials:
        for name in trial.distributions:
            shown.setdefault(name, []).append(trial)
    distributions: dict[str, BaseDistribution] = {}
    dynamic: dict[str, DynamicRange] = {}
    for name, having in shown.items():
        seen = [trial.distributions[name] for trial in having]
        distributions[name] = seen[-1]
        numbers = [one for one in seen if isinstance(one, (FloatDistribution, IntDistribution))]
        if len(numbers) < len(seen) or not _is_dynamic(numbers):
            continue
        asked = {other: known for other, known in distributions.items() if other != name}
        whole = _union(numbers)
        distributions[name] = whole
        dynamic[name] = DynamicRange(
            whole, asked, _learn_tree(asked, [one.params for one in having], numbers)
        )
    return distributions, dynamic


def _is_dynamic(ranges: Sequence[Number]) -> bool:
    """Return whether a range alternates, or changes in more than a third of the trials."""
    runs = [one for one, _ in groupby(ranges)]
    comes_back = len({repr(one) for one in runs}) < len(runs)
    return comes_back or (len(runs) - 1 > MAX_EDITS and 3 * len(runs) > len(ranges))


def _union(ranges: Sequence[Number]) -> Number:
    latest = ranges[-1]
    low, high = min(one.low for one in ranges), max(one.high for one in ranges)
    is_log = all(one.log for one in ranges)
    steps = {one.step for one in ranges}
    step = latest.step
    if len(steps) > 1 or (step is not None and any(_is_off(one.low - low, step) for one in ranges)):
        step = None
    if isinstance(latest, IntDistribution):
        return IntDistribution(
            int(low), int(high), log=is_log, step=1 if is_log or step is None else int(step)
        )
    return FloatDistribution(low, high, log=is_log, step=None if is_log else step)


def _is_off(distance: float, step: float) -> bool:
    return abs(distance / step - round(distance / step)) > 1e-6


def _with_ends(whole: Number, low: float, high: float) -> Number:
    """Return a range with other ends, clipped to its values."""
    low, high = clipped(whole, low), clipped(whole, high)
    if isinstance(whole, IntDistribution):
        return IntDistribution(int(low), int(high), log=whole.log, step=whole.step)
    return FloatDistribution(low, high, log=whole.log, step=whole.step)


def _place(distribution: BaseDistribution, name: str, values: Mapping[str, Any]) -> float:
    """Return a value as a number: a fraction of its range, or the index of a category; -1 if it is absent.

    Fractions suit the single precision of scikit-learn's trees.
    """
    if name not in values:
        return -1.0
    if isinstance(distribution, CategoricalDistribution):
        return distribution.to_internal_repr(values[name])
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    if distribution.single():
        return 0.0
    low, high, value = float(distribution.low), float(distribution.high), float(values[name])
    if distribution.log:
        low, high, value = math.log(low), math.log(high), math.log(max(value, low))
    return (value - low) / (high - low)


def _learn_tree(
    asked: Mapping[str, BaseDistribution], points: Sequence[Mapping[str, Any]], ranges: Sequence[Number]
) -> Tree:
    """Return a regression tree over the parameters ``asked`` that reproduces every range."""
    from sklearn.tree import DecisionTreeRegressor

    ends = [(float(one.low), float(one.high)) for one in ranges]
    if not asked:
        return ends[-1]
    rows = [[_place(known, other, point) for other, known in asked.items()] for point in points]
    grown = DecisionTreeRegressor(random_state=0).fit(rows, ends).tree_
    names = list(asked)

    def node(index: int) -> Tree:
        if grown.children_left[index] < 0:
            low, high = grown.value[index][:, 0]
            return float(low), float(high)
        ways = (node(int(side[index])) for side in (grown.children_left, grown.children_right))
        return Split(names[grown.feature[index]], float(grown.threshold[index]), *ways)

    return node(0)
