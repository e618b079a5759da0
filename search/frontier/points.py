"""Points of a search space as the frontier sampler sees them: their sources, and points as numbers."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

from search.frontier.optuna.conditional import Branches, Shape, learned_rule, shape_of
from search.frontier.optuna.dynamic_ranges import MovingRange, clipped, ranges_of

Array = NDArray[np.float64]
Params = dict[str, Any]


@dataclass(frozen=True)
class Point:
    """A point to try: Optuna's parameters with their distributions, and what is known before it is tried.

    Points of one ``key`` are the same. ``costs`` are the objectives that need no training (None:
    unknown), ``work`` is what an epoch costs in any unit, such as MACs (None: unknown); ``hint`` is what
    an earlier study lets expect of the error, in any unit.
    """

    params: Params
    distributions: Mapping[str, BaseDistribution]
    key: Hashable
    costs: tuple[float, ...] | None = None
    work: float | None = None
    hint: float | None = None

    @cached_property
    def spelling(self) -> Hashable:
        """What tells its parameters apart from others, also from those of the same key."""
        return params_key(self.params)


class PointSource(Protocol):
    """What knows the points of a space, within its limits."""

    @property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """Every parameter of the space."""
        ...

    @property
    def optional(self) -> Sequence[str]:
        """The parameters that only some points have."""
        ...

    def few(self, most: int) -> Sequence[Point] | None:
        """Return every point if there are at most ``most``, else None."""
        ...

    def draw(self, rng: random.Random) -> Point | None:
        """Return a random point; None if none was found."""
        ...

    def neighbour(self, point: Point, rng: random.Random) -> Point | None:
        """Return a point that differs a little from ``point``; None if none was found."""
        ...


class Encoding:
    """Parameters as numbers from 0 to 1.

    A number has one column, over its logarithm where its distribution says so; a category has one column for
    each choice. A parameter that only some points have gets a column that says whether it is there.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], optional: Iterable[str]) -> None:
        self._all = dict(distributions)
        self._distributions = {name: d for name, d in distributions.items() if not d.single()}
        self._optional = frozenset(optional)

    def is_of(self, source: PointSource) -> bool:
        """Return whether this is the encoding of the points of ``source``."""
        return self._optional == frozenset(source.optional) and self._all == dict(source.distributions)

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """For each column, the place of its parameter."""
        widths = [
            _width(distribution) + (name in self._optional)
            for name, distribution in self._distributions.items()
        ]
        return np.repeat(np.arange(len(widths)), widths)

    def rows(self, points: Sequence[Params]) -> Array:
        """Return the points as rows, n x the number of columns."""
        blocks = [np.zeros((len(points), 0))]
        for name, distribution in self._distributions.items():
            present = np.array([name in params for params in points], dtype=bool)
            values = [params[name] for params in points if name in params]
            block = np.zeros((len(points), _width(distribution)))
            block[:] = 0.5 if not isinstance(distribution, CategoricalDistribution) else 0.0
            if values:
                block[present] = _columns(distribution, values)
            blocks.append(block)
            if name in self._optional:
                blocks.append(present[:, None].astype(np.float64))
        return np.hstack(blocks)


def _width(distribution: BaseDistribution) -> int:
    return len(distribution.choices) if isinstance(distribution, CategoricalDistribution) else 1


def _columns(distribution: BaseDistribution, values: list[Any]) -> Array:
    if isinstance(distribution, CategoricalDistribution):
        place = np.array([distribution.to_internal_repr(value) for value in values], dtype=np.intp)
        return np.asarray(np.eye(len(distribution.choices))[place] * np.sqrt(0.5))
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    numbers = np.array(values, dtype=np.float64)
    low, high = float(distribution.low), float(distribution.high)
    if distribution.log:
        numbers, low, high = np.log(numbers), float(np.log(low)), float(np.log(high))
    return np.asarray((numbers - low) / (high - low))[:, None]


@dataclass(frozen=True)
class SeenPoints:
    """The points of anybody's Optuna study, as far as its trials have shown them.

    ``moving`` are the ranges that depend on other parameters, of which ``distributions`` have the whole;
    ``shapes`` are the sets of parameters that trials had, and the ``rule`` says which of them a point has.
    All points have the ``fixed`` values.
    """

    distributions: Mapping[str, BaseDistribution]
    moving: Mapping[str, MovingRange]
    shapes: frozenset[Shape]
    rule: Branches | Shape
    costs: Callable[[Params], tuple[float, ...] | None]
    fixed: Params = field(default_factory=dict)

    @classmethod
    def of_trials(
        cls, trials: Sequence[FrozenTrial], costs: Callable[[Params], tuple[float, ...] | None]
    ) -> Self:
        """Return the points of a study with these trials, in the order of their numbers."""
        distributions, moving = ranges_of(trials)
        shapes = frozenset(frozenset(trial.params) for trial in trials)
        return cls(distributions, moving, shapes, learned_rule(trials), costs)

    def with_fixed(self, values: Params) -> SeenPoints:
        """Return the points that have these values, as far as they are among those of a parameter.

        A number outside of its range, which Optuna takes all the same, counts as the nearest in it.
        """
        fixed = {}
        for name, distribution in self.distributions.items():
            with suppress(KeyError, ValueError, TypeError):  # not fixed, no choice, or no number
                value = distribution.to_external_repr(distribution.to_internal_repr(values[name]))
                fixed[name] = clipped(distribution, value)
        return replace(self, fixed=fixed)

    def shows_the_same_as(self, other: SeenPoints) -> bool:
        """Return whether the same points are drawn from both."""
        mine, others = (
            (one.distributions, one.moving, one.shapes, one.rule, one.fixed) for one in (self, other)
        )
        return mine == others

    @cached_property
    def optional(self) -> list[str]:
        """The parameters that only some trials had."""
        return [name for name in self.distributions if not all(name in shape for shape in self.shapes)]

    def point(self, values: Params) -> Point:
        """Return the point with these values; those of parameters that it does not have are left out."""
        shape = shape_of(values, self.rule)
        params = {name: value for name, value in values.items() if name in shape}
        distributions = {name: self.distributions[name] for name in params}
        return Point(params, distributions, params_key(params), self.costs(params))

    def few(self, most: int) -> None:
        """Return nothing: trials do not show that they have shown everything."""

    def draw(self, rng: random.Random) -> Point:
        """Return a point with every parameter drawn at random."""
        values: Params = {}
        for name, distribution in self.distributions.items():
            moving = self.moving.get(name)
            drawn = draw(moving.at(values) if moving else distribution, rng)
            values[name] = self.fixed.get(name, drawn)
        return self.point(values)

    def neighbour(self, point: Point, rng: random.Random) -> Point:
        """Return a point with one parameter changed, or two or three."""
        values = {
            name: point.params[name] if name in point.params else draw(d, rng)
            for name, d in self.distributions.items()
        } | self.fixed
        free = [name for name, d in self.distributions.items() if not d.single() and name not in self.fixed]
        for name in rng.sample(free, min(len(free), rng.choice((1, 1, 2, 3)))):
            values[name] = near(self.distributions[name], values[name], rng)
        for name, moving in self.moving.items():
            values[name] = clipped(moving.at(values), values[name])
        return self.point(values | self.fixed)


def params_key(params: Params) -> Hashable:
    """Return what tells parameters apart."""
    return tuple((name, _hashable(params[name])) for name in sorted(params))


def _hashable(value: Any) -> Hashable:
    """Return a value, of a list or tuple its text: choices of a study in a database come back as lists."""
    if isinstance(value, (list, tuple)):
        return repr(list(value))
    return value if isinstance(value, Hashable) else repr(value)


def draw(distribution: BaseDistribution, rng: random.Random) -> Any:
    """Return a value of a distribution, drawn evenly (over the logarithm where it says so)."""
    if isinstance(distribution, CategoricalDistribution):
        return rng.choice(distribution.choices)
    return _value_at(distribution, rng.random())


def near(distribution: BaseDistribution, value: Any, rng: random.Random) -> Any:
    """Return another value of a distribution, of a number most often a close one."""
    if isinstance(distribution, CategoricalDistribution):
        others = [choice for choice in distribution.choices if choice != value]
        return rng.choice(others) if others else value
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    place = float(_columns(distribution, [value])[0, 0]) if not distribution.single() else 0.5
    for _ in range(8):
        moved = _value_at(
            distribution, min(1.0, max(0.0, place + rng.gauss(0.0, rng.choice((0.05, 0.15, 0.4)))))
        )
        if moved != value:
            return moved
    if isinstance(distribution, IntDistribution):
        step = distribution.step
        other = value + step if value + step <= distribution.high else value - step
        return other if other >= distribution.low else value
    return value


def _value_at(distribution: BaseDistribution, place: float) -> Any:
    """Return the value at a place from 0 to 1; whole numbers have equal shares of it."""
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    low, high = float(distribution.low), float(distribution.high)
    if isinstance(distribution, IntDistribution):
        step = distribution.step
        if distribution.log:
            value = round(np.exp(np.log(low - 0.5) + place * (np.log(high + 0.5) - np.log(low - 0.5))))
        else:
            value = round(low + step * np.floor(place * ((high - low) / step + 1)))
        return int(min(distribution.high, max(distribution.low, value)))
    if place in (0.0, 1.0):  # not by a logarithm and back
        return low if place == 0.0 else high
    if distribution.log:
        return float(min(high, max(low, np.exp(np.log(low) + place * (np.log(high) - np.log(low))))))
    value = low + place * (high - low)
    if distribution.step is not None:
        value = low + distribution.step * round((value - low) / distribution.step)
    return float(min(high, max(low, value)))
