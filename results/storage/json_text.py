"""JSON columns of a database: every value of Python's JSON survives, also NaN and infinity."""

from __future__ import annotations

import json
import math
from typing import Any

NON_FINITE = "non_finite_float"
"""The key of an object that stands for a number which JSON does not have."""


def to_json(value: Any) -> str:
    """Return plain data as JSON in ASCII; NaN and infinity become objects, since databases refuse them."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), allow_nan=False)


def from_json(text: str | bytes) -> Any:
    """Return the plain data that ``to_json`` wrote.

    Raises:
        ValueError: The text is not JSON.
    """
    text = text if isinstance(text, str) else bytes(text).decode()
    return json.loads(text, object_hook=_restored if NON_FINITE in text else None)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {NON_FINITE: str(value)}
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _restored(table: dict[str, Any]) -> Any:
    is_number = table.keys() == {NON_FINITE} and isinstance(table[NON_FINITE], str)
    return float(table[NON_FINITE]) if is_number else table
