"""Points of a search space as the engine sees them. Their parameters belong to the ``PointSource``."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Params = dict[str, Any]


@dataclass(frozen=True)
class Point:
    """A point of a search space and what is known before it is evaluated.

    The engine never looks into ``params``. Points with the same ``key`` are the same point. ``costs`` are the
    objectives that need no evaluation, NaN where unknown; None if all are unknown. ``work`` is the cost of an
    epoch in any unit, such as MACs. ``prior_error`` is the error that an earlier study predicts, in any unit.
    """

    params: Params
    key: Hashable
    costs: tuple[float, ...] | None = None
    work: float | None = None
    prior_error: float | None = None

    @cached_property
    def params_key(self) -> Hashable:
        """A key of the parameters. Two spellings of one network share ``key`` but not ``params_key``."""
        return params_key(self.params)


class PointSource(Protocol):
    """A search space: it draws points and encodes them as rows of numbers."""

    @property
    def groups(self) -> NDArray[np.intp]:
        """The index of the parameter that each column of ``rows`` belongs to, d."""
        ...

    def rows(self, points: Sequence[Point]) -> Array:
        """Return the points as numbers in [0, 1], n x d."""
        ...

    def enumerate(self, most: int) -> Sequence[Point] | None:
        """Return all points if there are at most ``most``, else None."""
        ...

    def draw(self, rng: random.Random) -> Point | None:
        """Return a random point; None if none was found."""
        ...

    def neighbour(self, point: Point, rng: random.Random) -> Point | None:
        """Return a point that differs a little from ``point``; None if none was found."""
        ...


def params_key(params: Mapping[str, Any]) -> Hashable:
    """Return a hashable key of parameters."""
    return tuple((name, _hashable(params[name])) for name in sorted(params))


def _hashable(value: Any) -> Hashable:
    """Return the value, or the text of a list or tuple: a database returns tuples as lists."""
    if isinstance(value, (list, tuple)):
        return repr(list(value))
    return value if isinstance(value, Hashable) else repr(value)
