"""What values a knob of a search space may take, as written in a study file.

A single value fixes the knob, a list gives choices, and ``{low = 4, high = 16, step = 2}`` is a range of
whole numbers with both ends included.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

Value = int | str


class Choice(BaseModel):
    """One of a few values; a single one is a fixed knob."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    choices: tuple[Value, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.choices)) < len(self.choices):
            raise ValueError(f"choices must differ from each other, but got {list(self.choices)}")
        return self

    def values(self) -> Sequence[Value]:
        """Return every value in the order given."""
        return self.choices

    def spelling(self) -> Any:
        """Return the domain as a study file writes it."""
        return self.choices[0] if len(self.choices) == 1 else list(self.choices)


class IntRange(BaseModel):
    """Whole numbers from ``low`` to ``high``, both included where ``step`` meets them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    low: int
    high: int
    step: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low <= high must hold, but got low={self.low}, high={self.high}")
        return self

    def values(self) -> Sequence[Value]:
        """Return every value in ascending order."""
        return range(self.low, self.high + 1, self.step)

    def spelling(self) -> Any:
        """Return the domain as a study file writes it."""
        return {"low": self.low, "high": self.high, "step": self.step}


def _read_domain(raw: Any) -> Any:
    if isinstance(raw, (Choice, IntRange)):
        return raw
    if isinstance(raw, dict):
        return IntRange.model_validate(raw)
    choices = tuple(raw) if isinstance(raw, (list, tuple)) else (raw,)
    return Choice.model_validate({"choices": choices})


_spelled = PlainSerializer(lambda domain: domain.spelling())

Domain = Annotated[Choice | IntRange, BeforeValidator(_read_domain), _spelled]
"""A knob's domain, read from a value, a list of choices or a table with low, high and step."""


def _read_domains(raw: Any) -> Any:
    """One domain for every level, or a list with a domain for each level (a list of lists or of tables)."""
    per_level = isinstance(raw, (list, tuple)) and any(isinstance(item, (list, tuple, dict)) for item in raw)
    return tuple(_read_domain(item) for item in raw) if per_level else (_read_domain(raw),)


def _spell_domains(domains: tuple[Choice | IntRange, ...] | str) -> Any:
    if isinstance(domains, str):
        return domains
    return domains[0].spelling() if len(domains) == 1 else [domain.spelling() for domain in domains]


PerLevel = Annotated[
    tuple[Choice | IntRange, ...], BeforeValidator(_read_domains), PlainSerializer(_spell_domains)
]
"""A knob that every level has: one domain for all of them, or one for each."""

DataWidth = Annotated[
    tuple[Choice | IntRange, ...] | Literal["c_u"],
    BeforeValidator(lambda raw: raw if raw == "c_u" else _read_domains(raw)),
    PlainSerializer(_spell_domains),
]
"""As ``PerLevel``, or the word ``c_u`` for as many data channels as feature channels."""

SharingDomain = Annotated[Choice, BeforeValidator(_read_domain), _spelled]
"""Choices between ``level`` and ``iteration``."""


def positive(domains: Iterator[Choice | IntRange] | Sequence[Choice | IntRange], name: str) -> None:
    """Raise ValueError unless every value of every domain is a whole number of at least 1."""
    for domain in domains:
        for value in domain.values():
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} takes whole numbers of at least 1, but got {value!r}")
