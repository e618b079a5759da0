"""Pydantic models as plain data without defaults."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel


def without_defaults(model: BaseModel) -> dict[str, Any]:
    """Return a model as plain data without fields at their defaults, nested models included.

    Discriminators of unions stay: fields whose type is a single literal.
    """
    data: dict[str, Any] = {}
    for name, is_tag, default in _fields(type(model)):
        value = getattr(model, name)
        if is_tag or value != default:
            data[name] = _plain(model, name, value)
    return data


@cache
def _fields(model_type: type[BaseModel]) -> list[tuple[str, bool, Any]]:
    """Return name, whether it is a discriminator, and default of every field."""
    found = []
    for name, field in model_type.model_fields.items():
        is_tag = get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
        found.append((name, is_tag, field.get_default(call_default_factory=True)))
    return found


def _plain(model: BaseModel, name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, BaseModel):
        return without_defaults(value)
    if isinstance(value, (list, tuple)):
        return [_plain(model, name, item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((_plain(model, name, item) for item in value), key=str)
    return model.model_dump(mode="json", include={name})[name]
