"""What values a knob of a search space may take, as written in a study file.

A single value fixes the knob, a list gives choices, and ``{low = 4, high = 16, step = 2}`` is a range of
whole numbers with both ends included.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from space.errors import nearest, shown

Value = int | str

SHARINGS = ("level", "iteration")
"""The two sharings, in the order of the parameters that they cost."""
NUMBERS = "takes a whole number, a list of them, or a range such as {low = 4, high = 16, step = 2}"
SHARING = 'takes "level", "iteration" or a list of both'


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a few values; a single one is a fixed knob."""

    choices: tuple[Value, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise ValueError("needs at least 1 value, but got []")
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"choices must differ from each other, but got {shown(self.choices)}")

    @cached_property
    def _ascending(self) -> list[Value]:
        return sorted(self.choices, key=_place)

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

    def spelling(self) -> Any:
        """Return the domain as a study file writes it."""
        return self.choices[0] if len(self.choices) == 1 else list(self.choices)


@dataclass(frozen=True, kw_only=True)
class IntRange:
    """Whole numbers from ``low`` to ``high``, both included where ``step`` meets them.

    Nothing here walks the range: one of a billion numbers is as good as one of three.
    """

    low: int
    high: int
    step: int = 1

    def __post_init__(self) -> None:
        for name in ("low", "high", "step"):
            if not _is_whole(value := getattr(self, name)):
                raise ValueError(f"{name} must be a whole number, but got {shown(value)}")
        if self.step < 1:
            raise ValueError(f"step must be at least 1, but got {shown(self.step)}")
        if self.low > self.high:
            raise ValueError(f"low <= high must hold, but got low={shown(self.low)}, high={shown(self.high)}")

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

    def spelling(self) -> Any:
        """Return the domain as a study file writes it."""
        return {"low": self.low, "high": self.high, "step": self.step}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _place(value: Value) -> tuple[bool, int, str]:
    """Numbers by size, then the sharings by their order, then other words."""
    if isinstance(value, int):
        return False, value, ""
    return True, SHARINGS.index(value) if value in SHARINGS else len(SHARINGS), value


def _read_numbers(raw: Any, rule: str = NUMBERS) -> Choice | IntRange:
    if isinstance(raw, IntRange):
        return raw
    if isinstance(raw, dict):
        return _read_range(raw)
    if isinstance(raw, Choice):
        raw = raw.choices
    choices = tuple(raw) if isinstance(raw, (list, tuple)) else (raw,)
    for value in choices:
        if not _is_whole(value):
            raise ValueError(f"{rule}, but got {shown(value)}")
    return Choice(choices=choices)


def _read_range(raw: dict[Any, Any]) -> IntRange:
    known = ["low", "high", "step"]
    for key in raw:
        if key not in known:
            hint = nearest(str(key), known)
            raise PydanticCustomError(
                "unknown_key", "unknown key {shown}{hint}",
                {"key": str(key), "shown": shown(key), "hint": hint, "known": known},
            )  # fmt: skip
    if "low" not in raw or "high" not in raw:
        raise ValueError(f"a range needs low and high, but got {shown(raw)}")
    return IntRange(**raw)


def _read_per_level(raw: Any, rule: str = NUMBERS) -> tuple[Choice | IntRange, ...]:
    """One domain for every level, or a list with a domain for each level (a list of lists or of tables)."""
    grouped = (list, tuple, dict, Choice, IntRange)
    if isinstance(raw, (list, tuple)) and any(isinstance(item, grouped) for item in raw):
        return tuple(_read_numbers(item, rule) for item in raw)
    return (_read_numbers(raw, rule),)


def _read_data_width(raw: Any) -> tuple[Choice | IntRange, ...] | Literal["c_u"]:
    return "c_u" if raw == "c_u" else _read_per_level(raw, f'{NUMBERS}, or "c_u"')


def _read_sharing(raw: Any) -> Choice:
    domain = raw.spelling() if isinstance(raw, (Choice, IntRange)) else raw
    choices = tuple(domain) if isinstance(domain, (list, tuple)) else (domain,)
    for value in choices:
        if value not in SHARINGS:
            raise ValueError(f"{SHARING}, but got {shown(value)}")
    return Choice(choices=choices)


def _spell(domains: Choice | IntRange | tuple[Choice | IntRange, ...] | str) -> Any:
    if isinstance(domains, (Choice, IntRange)):
        return domains.spelling()
    if isinstance(domains, str):
        return domains
    return domains[0].spelling() if len(domains) == 1 else [domain.spelling() for domain in domains]


_spelled = PlainSerializer(_spell)

# plain validators: these messages are the only ones, pydantic adds none of its own about its classes
Domain = Annotated[Choice | IntRange, PlainValidator(_read_numbers), _spelled]
"""A knob's numbers, read from a value, a list of choices or a table with low, high and step."""

PerLevel = Annotated[tuple[Choice | IntRange, ...], PlainValidator(_read_per_level), _spelled]
"""A knob that every level has: one domain for all of them, or one for each."""

DataWidth = Annotated[
    tuple[Choice | IntRange, ...] | Literal["c_u"], PlainValidator(_read_data_width), _spelled
]
"""As ``PerLevel``, or the word ``c_u`` for as many data channels as feature channels."""

SharingDomain = Annotated[Choice, PlainValidator(_read_sharing), _spelled]
"""Choices between ``level`` and ``iteration``."""


def check_positive(domains: Iterable[Choice | IntRange], at_most: int) -> None:
    """Raise ValueError unless all numbers of every domain are from 1 to ``at_most``; ends are looked at."""
    for domain in domains:
        for value in (domain.smallest, domain.largest):
            if not isinstance(value, int) or not 1 <= value <= at_most:
                raise ValueError(f"takes whole numbers from 1 to {at_most}, but got {shown(value)}")
