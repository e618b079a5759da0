"""What values a hyperparameter of a search space may take, as written in a study file.

A single value fixes the hyperparameter, a list gives choices, and ``{low = 4, high = 16, step = 2}`` is a range with
both ends included; ``log = true`` draws it evenly over its logarithm. Ranges whose ends have fractions are
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
"""A point of a search space: the value of each hyperparameter that its network has."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few values; a single one is a fixed hyperparameter."""

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
        """Whether the values are numbers, whose order means something."""
        return not any(isinstance(value, (str, bool)) for value in self.choices)

    @property
    def size(self) -> int:
        """How many values there are."""
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
        """Return the value at a place, from 0, in ascending order; ``level`` comes before ``iteration``."""
        return self._ascending[rank]

    def rank(self, value: Value) -> int:
        """Return the place of ``value`` in ascending order; raises ValueError if it is no choice."""
        return self._ascending.index(value)

    def values(self) -> Sequence[Value]:
        """Return every value in the order given."""
        return self.choices

    def sample(self, rng: random.Random) -> Value:
        """Return a value, each with the same probability."""
        return self._ascending[rng.randrange(self.size)]

    def spelling(self) -> Any:
        """Return the domain as a study file writes it."""
        return self.choices[0] if len(self.choices) == 1 else list(self.choices)


@dataclass(frozen=True, kw_only=True)
class IntRange:
    """Whole numbers from ``low`` to ``high``, both included where ``step`` meets them.

    Nothing here walks the range: one of a billion numbers is as good as one of three. With ``log`` small
    numbers are drawn as often as large ones, by their logarithm.
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
        """Numbers are."""
        return True

    @property
    def size(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    @property
    def smallest(self) -> int:
        """The value of rank 0."""
        return self.low

    @property
    def largest(self) -> int:
        """The value of the last rank: ``high``, or less where ``step`` does not meet it."""
        return self.low + (self.size - 1) * self.step

    def value_of_rank(self, rank: int) -> int:
        """Return the value at a place, from 0, in ascending order; raises IndexError beyond the last."""
        if not 0 <= rank < self.size:
            raise IndexError(f"ranks are from 0 to {self.size - 1}, but got {rank}")
        return self.low + rank * self.step

    def rank(self, value: Value) -> int:
        """Return the place of ``value`` in ascending order; raises ValueError if it is not in the range."""
        if not isinstance(value, int) or value not in self.values():
            raise ValueError(f"{shown(value)} is not in {shown(self.spelling())}")
        return (value - self.low) // self.step

    def values(self) -> Sequence[int]:
        """Return every value in ascending order, none of them made before it is asked for."""
        return range(self.low, self.high + 1, self.step)

    def sample(self, rng: random.Random) -> int:
        """Return a number; with ``log`` each is drawn by the length of its share of the logarithm's scale."""
        if not self.log:
            return self.value_of_rank(rng.randrange(self.size))
        drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high + 1)))
        return min(self.high, max(self.low, math.floor(drawn)))

    def spelling(self) -> Any:
        """Return the domain as a study file writes it."""
        spelt: dict[str, Any] = {"low": self.low, "high": self.high, "step": self.step}
        return {"low": self.low, "high": self.high, "log": True} if self.log else spelt


@dataclass(frozen=True, kw_only=True)
class FloatRange:
    """Any number from ``low`` to ``high``; with ``log`` drawn evenly over its logarithm."""

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
        """Numbers are."""
        return True

    @property
    def size(self) -> float:
        """How many values there are: more than can be counted, or one."""
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
        """Return both ends, which have to stand for all that lies between them."""
        return (self.low, self.high) if self.low < self.high else (self.low,)

    def sample(self, rng: random.Random) -> float:
        """Return a number of the range."""
        if self.log:
            drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
            return min(self.high, max(self.low, drawn))
        return rng.uniform(self.low, self.high)

    def spelling(self) -> Any:
        """Return the domain as a study file writes it."""
        return {"low": self.low, "high": self.high} | ({"log": True} if self.log else {})


Domain = Choice | IntRange | FloatRange
"""The values of one hyperparameter."""


@dataclass(frozen=True, kw_only=True)
class Increments:
    """Widths that never shrink from one level to the next: that of the first, and what each next one adds."""

    first: Choice | IntRange
    increment: Choice | IntRange

    def spelling(self) -> Any:
        """Return the widths as a study file writes them."""
        return {"first": self.first.spelling(), "increment": self.increment.spelling()}


PerLevel = tuple[Choice | IntRange, ...]
"""One domain for every level, or one for each."""


def _check_ends(low: float, high: float, log: bool) -> None:
    if low > high:
        raise ValueError(f"low <= high must hold, but got low={shown(low)}, high={shown(high)}")
    if not isinstance(log, bool):
        raise ValueError(f"log must be true or false, but got {shown(log)}")
    if log and low <= 0:
        raise ValueError(f"a range with log = true needs low > 0, but got low={shown(low)}")


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number; ``true`` is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _place(value: Value) -> tuple[bool, float, str]:
    """Numbers (and false before true) by size, then the sharings by their order, then other words."""
    if not isinstance(value, str):
        return False, value, ""
    order: tuple[str, ...] = SHARINGS
    return True, order.index(value) if value in order else len(order), value


def check_positive(domains: Iterable[Domain], at_most: int, at_least: int = 1) -> None:
    """Raise ValueError unless all numbers of every domain are within the bounds; ends are looked at."""
    for domain in domains:
        numbers = domain.choices if isinstance(domain, Choice) else (domain.smallest, domain.largest)
        for value in numbers:
            if not isinstance(value, str) and not at_least <= value <= at_most:
                raise ValueError(f"takes whole numbers from {at_least} to {at_most}, but got {shown(value)}")
