"""The search space of an Optuna study, as far as its trials have shown it."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from search.frontier.optuna.conditional import Branches, ParamNames, learn_condition, names_at
from search.frontier.optuna.dynamic_ranges import DynamicRange, clipped, ranges_of
from search.frontier.optuna.encoding import Encoding, draw, near
from search.frontier.points import Array, Params, Point, params_key


@dataclass(frozen=True)
class ObservedSpace:
    """The points of an Optuna study; a ``PointSource``.

    ``distributions`` has the widest range of each parameter, ``dynamic`` the ranges that depend on other
    parameters. ``name_sets`` are the sets of parameters that trials had, and ``condition`` predicts which of them a
    point has. Every point has the ``fixed`` values.
    """

    distributions: Mapping[str, BaseDistribution]
    dynamic: Mapping[str, DynamicRange]
    name_sets: frozenset[ParamNames]
    condition: Branches | ParamNames
    costs: Callable[[Params], tuple[float, ...] | None]
    fixed: Params = field(default_factory=dict)

    @classmethod
    def of_trials(
        cls, trials: Sequence[FrozenTrial], costs: Callable[[Params], tuple[float, ...] | None]
    ) -> Self:
        """Return the space that trials, in the order of their numbers, have shown."""
        distributions, dynamic = ranges_of(trials)
        name_sets = frozenset(frozenset(trial.params) for trial in trials)
        return cls(distributions, dynamic, name_sets, learn_condition(trials), costs)

    def with_fixed(self, values: Params) -> ObservedSpace:
        """Return the points that have these values; parameters without such a choice stay free.

        Optuna accepts numbers outside a range; the nearest end of the range stands for them.
        """
        fixed = {}
        for name, distribution in self.distributions.items():
            with suppress(KeyError, ValueError, TypeError):  # not fixed, not a choice, or not a number
                value = distribution.to_external_repr(distribution.to_internal_repr(values[name]))
                fixed[name] = clipped(distribution, value)
        return replace(self, fixed=fixed)

    def is_same_space(self, other: ObservedSpace) -> bool:
        """Return whether both draw the same points."""
        mine, others = (
            (one.distributions, one.dynamic, one.name_sets, one.condition, one.fixed) for one in (self, other)
        )
        return mine == others

    @cached_property
    def _encoding(self) -> Encoding:
        optional = [name for name in self.distributions if not all(name in names for names in self.name_sets)]
        return Encoding(self.distributions, optional)

    @property
    def groups(self) -> NDArray[np.intp]:
        """The index of the parameter that each column of ``rows`` belongs to, d."""
        return self._encoding.groups

    def rows(self, points: Sequence[Point]) -> Array:
        """Return the points as numbers in [0, 1], n x d."""
        return self._encoding.rows_of(points)

    def rows_of(self, points: Sequence[Params]) -> Array:
        """Return parameters as numbers in [0, 1], n x d."""
        return self._encoding.rows(points)

    def point(self, values: Params) -> Point:
        """Return the point with these values, without the parameters that it does not have."""
        names = names_at(values, self.condition)
        params = {name: value for name, value in values.items() if name in names}
        return Point(params, params_key(params), self.costs(params))

    def enumerate(self, most: int) -> None:
        """Return None: trials never show that they have shown every value."""

    def draw(self, rng: random.Random) -> Point:
        """Return a random point."""
        values: Params = {}
        for name, distribution in self.distributions.items():
            dynamic = self.dynamic.get(name)
            drawn = draw(dynamic.at(values) if dynamic else distribution, rng)
            values[name] = self.fixed.get(name, drawn)
        return self.point(values)

    def neighbour(self, point: Point, rng: random.Random) -> Point:
        """Return a point with one to three parameters changed."""
        values = {
            name: point.params[name] if name in point.params else draw(d, rng)
            for name, d in self.distributions.items()
        } | self.fixed
        free = [name for name, d in self.distributions.items() if not d.single() and name not in self.fixed]
        for name in rng.sample(free, min(len(free), rng.choice((1, 1, 2, 3)))):
            values[name] = near(self.distributions[name], values[name], rng)
        for name, dynamic in self.dynamic.items():
            values[name] = clipped(dynamic.at(values), values[name])
        return self.point(values | self.fixed)
