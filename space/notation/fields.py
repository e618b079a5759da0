"""The notation of any pydantic model: its name and its fields, ``Name(field=value,...)``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from space.core.cursor import Reader
from space.core.plain_data import without_defaults
from space.core.validation import rule_of

FACTS = frozenset({"family", "in_channels", "num_classes"})
"""Fields that the notation leaves out."""
_WORD = re.compile(r"[^\W\d]\w*")
_LITERAL = re.compile(r"(true|false|null)(?!\w)")
"""Words that JSON does not parse as text."""

Model = TypeVar("Model", bound=BaseModel)


def format_fields(spec: BaseModel, name: str) -> str:
    """Return ``Name(field=value,...)``. Values are JSON; plain words have no quotes."""
    shown = {key: value for key, value in without_defaults(spec).items() if key not in FACTS}
    inside = ",".join(f"{key}={_plain(value)}" for key, value in shown.items())
    return f"{name}({inside})"


def _plain(value: Any) -> str:
    if isinstance(value, str) and _WORD.fullmatch(value) and not _LITERAL.match(value):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def read_fields(spec_type: type[Model], reader: Reader, facts: Mapping[str, Any]) -> Model:
    """Return the spec of a text from ``format_fields``. The reader stands behind the name.

    Raises:
        InvalidInputError: The text is invalid. The message shows the position.
    """
    fields: dict[str, Any] = dict(facts)
    places: dict[str, int] = {}
    known = [key for key in spec_type.model_fields if key not in FACTS]
    reader.expect("(")
    while not reader.accept(")"):
        if places:
            reader.expect(",")
        key = read_key(reader, known, "field", places)
        fields[key] = _read_json(reader)
    return validated(spec_type, fields, reader, places)


def _read_json(reader: Reader) -> Any:
    text, pos = reader.text, reader.pos
    if _WORD.match(text, pos) and not _LITERAL.match(text, pos):
        return reader.word("a value")
    try:
        value, reader.pos = json.JSONDecoder().raw_decode(text, pos)
    except (ValueError, RecursionError):
        reader.fail("expected a value")
    return value


def read_key(reader: Reader, known: Sequence[str], what: str, places: dict[str, int]) -> str:
    """Read ``key=`` and return the key, which may occur once.

    Args:
        reader: The cursor.
        known: The allowed keys.
        what: The kind of key, for messages.
        places: Receives the position of the value.
    """
    reader.skip_spaces()
    start = reader.pos
    key = reader.known_word(known, what)
    if key in places:
        reader.fail(f"{key} stands here twice", at=start)
    reader.expect("=")
    reader.skip_spaces()
    places[key] = reader.pos
    return key


def validated(
    spec_type: type[Model], fields: Mapping[str, Any], reader: Reader, places: Mapping[str, int]
) -> Model:
    """Return the spec of ``fields``. An error shows the position of its field, from ``places``."""
    try:
        return spec_type.model_validate(dict(fields))
    except ValidationError as error:
        rule, key = rule_of(error)
        reader.fail(rule, at=places.get(key, places.get("levels", reader.pos)))
