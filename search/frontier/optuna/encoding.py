"""Optuna's parameters as rows of numbers, and random values of their distributions."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from search.frontier.points import Params, Point

Array = NDArray[np.float64]


class Encoding:
    """Encodes parameters as numbers in [0, 1].

    A number has one column, on a logarithmic scale if its distribution has one. A category has one column for
    each choice. A parameter that is ``optional`` has one more column, which is 1 where the parameter is present.
    Each set of parameters is encoded once.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], optional: Iterable[str]) -> None:
        self._distributions = {name: d for name, d in distributions.items() if not d.single()}
        self._optional = frozenset(optional)
        self._rows: dict[Hashable, Array] = {}

    @cached_property
    def groups(self) -> NDArray[np.intp]:
        """The index of the parameter that each column belongs to, d."""
        widths = [
            _width(distribution) + (name in self._optional)
            for name, distribution in self._distributions.items()
        ]
        return np.repeat(np.arange(len(widths)), widths)

    def rows_of(self, points: Sequence[Point]) -> Array:
        """Return points as rows, n x d."""
        new = {point.params_key: point for point in points if point.params_key not in self._rows}
        encoded = self.rows([point.params for point in new.values()])
        self._rows.update(zip(new, encoded, strict=True))
        rows = [self._rows[point.params_key] for point in points]
        return np.array(rows).reshape(len(points), len(self.groups))

    def rows(self, points: Sequence[Params]) -> Array:
        """Return parameters as rows, n x d."""
        blocks = [np.zeros((len(points), 0))]
        for name, distribution in self._distributions.items():
            is_present = np.array([name in params for params in points], dtype=bool)
            values = [params[name] for params in points if name in params]
            block = np.zeros((len(points), _width(distribution)))
            block[:] = 0.5 if not isinstance(distribution, CategoricalDistribution) else 0.0
            if values:
                block[is_present] = _columns(distribution, values)
            blocks.append(block)
            if name in self._optional:
                blocks.append(is_present[:, None].astype(np.float64))
        return np.hstack(blocks)


def _width(distribution: BaseDistribution) -> int:
    return len(distribution.choices) if isinstance(distribution, CategoricalDistribution) else 1


def _columns(distribution: BaseDistribution, values: list[Any]) -> Array:
    if isinstance(distribution, CategoricalDistribution):
        indices = np.array([distribution.to_internal_repr(value) for value in values], dtype=np.intp)
        return np.asarray(np.eye(len(distribution.choices))[indices] * np.sqrt(0.5))
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    numbers = np.array(values, dtype=np.float64)
    low, high = float(distribution.low), float(distribution.high)
    if distribution.log:
        numbers, low, high = np.log(numbers), float(np.log(low)), float(np.log(high))
    return np.asarray((numbers - low) / (high - low))[:, None]


def draw(distribution: BaseDistribution, rng: random.Random) -> Any:
    """Return a random value, uniform on the scale of the distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return rng.choice(distribution.choices)
    return _value_at(distribution, rng.random())


def near(distribution: BaseDistribution, value: Any, rng: random.Random) -> Any:
    """Return another value; for a number most often a close one."""
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
    """Return the value at ``place`` in [0, 1] of the scale. All integers have equal shares of it."""
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    low, high = float(distribution.low), float(distribution.high)
    if isinstance(distribution, IntDistribution):
        step = distribution.step
        if distribution.log:
            value = round(np.exp(np.log(low - 0.5) + place * (np.log(high + 0.5) - np.log(low - 0.5))))
        else:
            value = round(low + step * np.floor(place * ((high - low) / step + 1)))
        return int(min(distribution.high, max(distribution.low, value)))
    if place in (0.0, 1.0):  # exact ends: exp(log(x)) may round
        return low if place == 0.0 else high
    if distribution.log:
        return float(min(high, max(low, np.exp(np.log(low) + place * (np.log(high) - np.log(low))))))
    value = low + place * (high - low)
    if distribution.step is not None:
        value = low + distribution.step * round((value - low) / distribution.step)
    return float(min(high, max(low, value)))
