"""Pydantic's errors as one line for a person."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from space.errors import InvalidInputError, nearest


def explain(error: ValidationError, model: type[BaseModel], source: str) -> InvalidInputError:
    """Return the first finding of ``error`` as one line: source, key, rule and the value that broke it.

    Unknown keys come first, with the nearest known one: a misspelt key explains a missing one.
    """
    findings = error.errors(include_url=False)
    first = next((f for f in findings if f["type"] == "extra_forbidden"), findings[0])
    key = ".".join(str(part) for part in first["loc"])
    prefix = f"{source}: {key}: " if key else f"{source}: "
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, first["loc"][:-1])
        hint = nearest(str(first["loc"][-1]), known)
        listed = f" (known here: {', '.join(known)})" if known and not hint else ""
        return InvalidInputError(f"{source}: unknown key {key!r}{hint}{listed}")
    if first["type"] == "missing":
        return InvalidInputError(f"{prefix}this key is missing")
    message = first["msg"].removeprefix("Value error, ")
    value = "" if "but got" in message else f", but got {first['input']!r}"
    return InvalidInputError(f"{prefix}{message}{value}")


def _fields_at(model: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """Return the keys that the section at ``path`` knows; none if it is not a section."""
    for part in path:
        field = model.model_fields.get(str(part))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
