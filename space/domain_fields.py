"""Field types of domains in a study's configuration. They parse the values of a study file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

from space.core.errors import nearest, shown
from space.domains import Choice, Domain, FloatRange, Increments, IntRange, PerLevel, Value, is_whole

NUMBERS = "takes a whole number, a list of them, or a range such as {low = 4, high = 16, step = 2}"
FRACTIONS = "takes a number, a list of them, or a range such as {low = 0.0, high = 0.5}"
ANYTHING = "takes a value, a list of them, or a range such as {low = 0.01, high = 0.5, log = true}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _listed(raw: Any, check: Callable[[Any], bool], rule: str) -> Choice:
    if isinstance(raw, Choice):
        raw = raw.choices
    choices = tuple(raw) if isinstance(raw, (list, tuple)) else (raw,)
    for value in choices:
        if not check(value):
            raise ValueError(f"{rule}, but got {shown(value)}")
    return Choice(choices=choices)


def _check_keys(raw: dict[Any, Any], known: list[str], needed: tuple[str, str], what: str) -> None:
    for key in raw:
        if key not in known:
            hint = nearest(str(key), known)
            raise PydanticCustomError(
                "unknown_key", "unknown key {shown}{hint}",
                {"key": str(key), "shown": shown(key), "hint": hint, "known": known},
            )  # fmt: skip
    if any(key not in raw for key in needed):
        raise ValueError(f"{what} needs {needed[0]} and {needed[1]}, but got {shown(raw)}")


def _read_range(raw: dict[Any, Any]) -> IntRange:
    _check_keys(raw, ["low", "high", "step", "log"], ("low", "high"), "a range")
    return IntRange(**raw)


def _read_numbers(raw: Any, rule: str = NUMBERS) -> Choice | IntRange:
    if isinstance(raw, IntRange):
        return raw
    return _read_range(raw) if isinstance(raw, dict) else _listed(raw, is_whole, rule)


def _read_fractions(raw: Any) -> Domain:
    if isinstance(raw, (IntRange, FloatRange)):
        return raw
    if isinstance(raw, dict):
        _check_keys(raw, ["low", "high", "log"], ("low", "high"), "a range")
        return FloatRange(**raw)
    return _listed(raw, _is_number, FRACTIONS)


def _read_any(raw: Any) -> Domain:
    if isinstance(raw, (IntRange, FloatRange)):
        return raw
    if not isinstance(raw, dict):
        return _listed(raw, lambda value: isinstance(value, (bool, str)) or _is_number(value), ANYTHING)
    if any(isinstance(raw.get(key), float) for key in ("low", "high")):
        return _read_fractions(raw)
    return _read_range(raw)


def _read_per_level(raw: Any, rule: str = NUMBERS) -> PerLevel:
    """Return one domain for all levels, or one per level from a list of lists or tables."""
    grouped = (list, tuple, dict, Choice, IntRange)
    if isinstance(raw, (list, tuple)) and any(isinstance(item, grouped) for item in raw):
        return tuple(_read_numbers(item, rule) for item in raw)
    return (_read_numbers(raw, rule),)


def _read_widths(raw: Any, rule: str = NUMBERS) -> PerLevel | Increments:
    if isinstance(raw, Increments):
        return raw
    if isinstance(raw, dict) and not {"low", "high"} & set(raw):
        _check_keys(raw, ["first", "increment"], ("first", "increment"), "a table without low and high")
        return Increments(first=_read_numbers(raw["first"]), increment=_read_numbers(raw["increment"]))
    return _read_per_level(raw, rule)


def _read_data_widths(raw: Any) -> PerLevel | Increments | Literal["c_u"]:
    return "c_u" if raw == "c_u" else _read_widths(raw, f'{NUMBERS}, or "c_u"')


def _spell(domains: Any) -> Any:
    if isinstance(domains, tuple):
        return domains[0].spelling() if len(domains) == 1 else [domain.spelling() for domain in domains]
    return domains if isinstance(domains, str) else domains.spelling()


spelled = PlainSerializer(_spell)
"""Serialises a domain in the form of a study file."""

# plain validators replace pydantic's messages about its classes
Numbers = Annotated[Choice | IntRange, PlainValidator(_read_numbers), spelled]
"""Whole numbers: a value, a list of choices, or a table with low, high and step (or log)."""

Fractions = Annotated[Domain, PlainValidator(_read_fractions), spelled]
"""Numbers: a value, a list of choices, or a table with low and high, which is continuous."""

AnyDomain = Annotated[Domain, PlainValidator(_read_any), spelled]
"""Values of any type: a value, a list of choices, or a range, continuous if an end has a fraction."""

NumbersPerLevel = Annotated[PerLevel, PlainValidator(_read_per_level), spelled]
"""Whole numbers of every level: one domain for all levels, or one per level."""

Widths = Annotated[PerLevel | Increments, PlainValidator(_read_widths), spelled]
"""As ``NumbersPerLevel``, or a table with first and increment."""

DataWidths = Annotated[PerLevel | Increments | Literal["c_u"], PlainValidator(_read_data_widths), spelled]
"""As ``Widths``, or the word ``c_u``: as many data channels as feature channels."""


def words(*allowed: Value) -> PlainValidator:
    """Return the validator of a hyperparameter with the values ``allowed``."""
    spelt = ", ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in allowed)
    rule = f"takes one of {spelt} or a list of them"

    def is_allowed(value: Any) -> bool:
        return any(value == known and type(value) is type(known) for known in allowed)

    def read(raw: Any) -> Choice:
        return _listed(raw.spelling() if isinstance(raw, (Choice, IntRange)) else raw, is_allowed, rule)

    return PlainValidator(read)


def _read_names(raw: Any) -> Choice:
    return _listed(raw, lambda value: isinstance(value, str), "takes a name or a list of names")


Names = Annotated[Choice, PlainValidator(_read_names), spelled]
"""A hyperparameter whose values are names that only become known when a study is read."""


def _read_groups(raw: Any) -> Choice | IntRange:
    if isinstance(raw, (dict, IntRange)):
        return _read_numbers(raw)
    rule = f'{NUMBERS}, or "depthwise"'
    return _listed(raw, lambda value: value == "depthwise" or is_whole(value), rule)


GroupsDomain = Annotated[Choice | IntRange, PlainValidator(_read_groups), spelled]
"""As ``Numbers``, with the word ``depthwise`` among its choices."""
