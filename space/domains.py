"""Domains: the values of a hyperparameter of a search space, as given in a study file.

A single value fixes the hyperparameter. A list gives choices. ``{low = 4, high = 16, step = 2}`` is a range
with both ends included. ``log = true`` samples uniformly in the logarithm. A range with a fractional end is
continuous.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from space.core.errors import shown
from space.networks.weight_sharing import SHARINGS

Value = int | float | str | bool
Point = dict[str, Value]
"""A point of a search space: the value of each hyperparameter of its network."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A choice among a few values. A single value fixes the hyperparameter."""

    choices: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("needs at least 1 value, but got []")
        if len({(type(value) is bool, value) for value in self.choices}) < len(self.choices):
            raise ValueError(f"choices must differ from each other, but got {shown(self.choices)}")

    @cached_property
    def _ascending(self) -> list[Value]:
        return sorted(self.choices, key=_place)

    @property
    def is_ordered(self) -> bool:
        """Whether the values are numbers."""
        return not any(isinstance(value, (str, bool)) for value in self.choices)

    @property
    def size(self) -> int:
        """The number of values."""
        return len(self.choices)

    @property
    def smallest(self) -> Value:
        """The value of rank 0."""
        return self._ascending[0]

    @property
    def largest(self) -> Value:
        """The value of the last rank."""
        return self._ascending[-1]

    def value_of_rank(self, rank: int) -> Value:
        """Return the value at ``rank``, from 0, in ascending order; ``level`` precedes ``iteration``."""
        return self._ascending[rank]

    def rank(self, value: Value) -> int:
        """Return the rank of ``value`` in ascending order.

        Raises:
            ValueError: ``value`` is not among the choices.
        """
        return self._ascending.index(value)

    def values(self) -> Sequence[Value]:
        """Return all values in the given order."""
        return self.choices

    def sample(self, rng: random.Random) -> Value:
        """Return a uniform sample."""
        return self._ascending[rng.randrange(self.size)]

    def spelling(self) -> Any:
        """Return the domain in the form of a study file."""
        return self.choices[0] if len(self.choices) == 1 else list(self.choices)


@dataclass(frozen=True, kw_only=True)
class IntRange:
    """Whole numbers from ``low`` to ``high`` in steps of ``step``.

    All methods take constant time, independent of the length of the range. With ``log``, samples are uniform
    in the logarithm.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            if not is_whole(value := getattr(self, name)):
                raise ValueError(f"{name} must be a whole number, but got {shown(value)}")
        if self.step < 1:
            raise ValueError(f"step must be at least 1, but got {shown(self.step)}")
        _check_ends(self.low, self.high, self.log)
        if self.log and self.step != 1:
            raise ValueError(f"a range with log = true takes no step, but got step={shown(self.step)}")

    @property
    def is_ordered(self) -> bool:
        """Whether the values are numbers: true."""
        return True

    @property
    def size(self) -> int:
        """The number of values."""
        return (self.high - self.low) // self.step + 1

    @property
    def smallest(self) -> int:
        """The value of rank 0."""
        return self.low

    @property
    def largest(self) -> int:
        """The value of the last rank: ``high``, or less if no step ends at ``high``."""
        return self.low + (self.size - 1) * self.step

    def value_of_rank(self, rank: int) -> int:
        """Return the value at ``rank``, from 0, in ascending order.

        Raises:
            IndexError: The rank is out of range.
        """
        if not 0 <= rank < self.size:
            raise IndexError(f"ranks are from 0 to {self.size - 1}, but got {rank}")
        return self.low + rank * self.step

    def rank(self, value: Value) -> int:
        """Return the rank of ``value`` in ascending order.

        Raises:
            ValueError: ``value`` is not in the range.
        """
        if not isinstance(value, int) or value not in self.values():
            raise ValueError(f"{shown(value)} is not in {shown(self.spelling())}")
        return (value - self.low) // self.step

    def values(self) -> Sequence[int]:
        """Return all values in ascending order, lazily."""
        return range(self.low, self.high + 1, self.step)

    def sample(self, rng: random.Random) -> int:
        """Return a sample. With ``log``, n has probability proportional to log((n + 1) / n)."""
        if not self.log:
            return self.value_of_rank(rng.randrange(self.size))
        drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high + 1)))
        return min(self.high, max(self.low, math.floor(drawn)))

    def spelling(self) -> Any:
        """Return the domain in the form of a study file."""
        spelt: dict[str, Any] = {"low": self.low, "high": self.high, "step": self.step}
        return {"low": self.low, "high": self.high, "log": True} if self.log else spelt


@dataclass(frozen=True, kw_only=True)
class FloatRange:
    """All numbers from ``low`` to ``high``. With ``log``, samples are uniform in the logarithm."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, but got {shown(value)}")
        _check_ends(self.low, self.high, self.log)

    @property
    def is_ordered(self) -> bool:
        """Whether the values are numbers: true."""
        return True

    @property
    def size(self) -> float:
        """The number of values: infinite, or 1 if both ends are equal."""
        return math.inf if self.low < self.high else 1

    @property
    def smallest(self) -> float:
        """The lower end."""
        return self.low

    @property
    def largest(self) -> float:
        """The upper end."""
        return self.high

    def values(self) -> Sequence[float]:
        """Return both ends. They represent the range in an enumeration."""
        return (self.low, self.high) if self.low < self.high else (self.low,)

    def sample(self, rng: random.Random) -> float:
        """Return a sample."""
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
            return min(self.high, max(self.low, drawn))
        return rng.uniform(self.low, self.high)

    def spelling(self) -> Any:
        """Return the domain in the form of a study file."""
        return {"low": self.low, "high": self.high} | ({"log": True} if self.log else {})


Domain = Choice | IntRange | FloatRange
"""The domain of one hyperparameter."""


@dataclass(frozen=True, kw_only=True)
class Increments:
    """Non-decreasing widths: the width of the first level and the increment of each next level."""

    first: Choice | IntRange
    increment: Choice | IntRange

    def spelling(self) -> Any:
        """Return the widths in the form of a study file."""
        return {"first": self.first.spelling(), "increment": self.increment.spelling()}


PerLevel = tuple[Choice | IntRange, ...]
"""One domain for all levels, or one per level."""


def _check_ends(low: float, high: float, log: bool) -> None:
    if low > high:
        raise ValueError(f"low <= high must hold, but got low={shown(low)}, high={shown(high)}")
    if not isinstance(log, bool):
        raise ValueError(f"log must be true or false, but got {shown(log)}")
    if log and low <= 0:
        raise ValueError(f"a range with log = true needs low > 0, but got low={shown(low)}")


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number. A boolean is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _place(value: Value) -> tuple[bool, float, str]:
    """Return a sort key: numbers by size, false before true; then sharings in order; then other words."""
    if not isinstance(value, str):
        return False, value, ""
    order: tuple[str, ...] = SHARINGS
    return True, order.index(value) if value in order else len(order), value


def check_positive(domains: Iterable[Domain], at_most: int, at_least: int = 1) -> None:
    """Check that all numbers of the domains are within bounds.

    Raises:
        ValueError: A number is below ``at_least`` or above ``at_most``.
    """
    for domain in domains:
        numbers = domain.choices if isinstance(domain, Choice) else (domain.smallest, domain.largest)
        for value in numbers:
            if not isinstance(value, str) and not at_least <= value <= at_most:
                raise ValueError(f"takes whole numbers from {at_least} to {at_most}, but got {shown(value)}")
