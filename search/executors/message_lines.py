"""Messages as lines of JSON, which the pipes between driver and workers carry, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter

from search.executors.messages import (
    Beat,
    Calibrating,
    Epoch,
    Event,
    Failed,
    Fatal,
    Finished,
    Job,
    Lost,
    Measured,
    Message,
    Paused,
    Predicted,
    Ready,
    Setup,
)

AnyMessage = TypeVar("AnyMessage", bound=Message)

_SENT: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (Ready, Calibrating, Predicted, Measured, Epoch, Paused, Finished, Failed, Lost, Fatal, Beat)
}
"""The events that a worker sends; the executor itself creates the others."""
_TYPES: dict[str, type[Any]] = _SENT | {"Setup": Setup, "Job": Job}


def encode(message: Message) -> str:
    """Return a message as one line of JSON with its class as ``kind``."""
    fields = {"kind": type(message).__name__, **asdict(message)}
    return json.dumps(fields, separators=(",", ":"), default=_plain)


def _plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json")


def decode_event(line: str) -> Event:
    """Return the event of a line that ``encode`` wrote.

    Raises:
        ValueError: The line is no JSON, no event, or a field is missing, unknown or of another type.
    """
    kind, fields = _parse(line)
    if kind not in _SENT:
        raise ValueError(f"not an event: {line[:80]!r}")
    event: Event = _adapter(kind).validate_python(fields)
    return event


def decode(line: str, expected: type[AnyMessage]) -> AnyMessage:
    """Return the ``Setup`` or ``Job`` of a line that ``encode`` wrote.

    Raises:
        ValueError: The line is no JSON, no such message, or a field is missing, unknown or of another type.
    """
    kind, fields = _parse(line)
    if kind != expected.__name__:
        raise ValueError(f"not a {expected.__name__}: {line[:80]!r}")
    message: AnyMessage = _adapter(kind).validate_python(fields)
    return message


def _parse(line: str) -> tuple[Any, dict[str, Any]]:
    data = json.loads(line)
    if not isinstance(data, dict):
        raise ValueError(f"not a message: {line[:80]!r}")
    return data.pop("kind", None), data


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_TYPES[kind])
