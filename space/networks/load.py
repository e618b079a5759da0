"""Networks that a user names: a reference, a notation or the JSON file of a spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from space.core.errors import InvalidInputError, nearest, shortened, shown
from space.core.system_errors import explain_system_error
from space.core.validation import explain
from space.networks.families import family_named
from space.networks.references import REFERENCES, find_reference
from space.networks.spec import Spec
from space.notation.parse import parse_notation


def load_spec(data: dict[str, Any], source: str = "spec") -> Spec:
    """Return the spec of plain data, the inverse of ``Spec.to_dict``.

    Args:
        data: Fields of the spec.
        source: Name of the data in error messages.

    Raises:
        InvalidInputError: A family or field is unknown, missing or out of range.
    """
    name = data.get("family", "mgnet") if isinstance(data, dict) else None
    spec_type = family_named(name, source).spec_type
    try:
        return spec_type.model_validate(data)
    except ValidationError as error:
        raise explain(error, spec_type, source) from None


def read_spec(text: str, *, in_channels: int | None = None, num_classes: int | None = None) -> Spec:
    """Return the spec that a user names.

    Args:
        text: A JSON file (``.json``), the name of a reference, or a notation.
        in_channels: Channels of an image. Default: 3, or those of the reference.
        num_classes: Number of classes. Default: 10, or those of the reference.

    Raises:
        InvalidInputError: The file is unreadable, or no such network exists.
    """
    if text.strip().lower().endswith(".json"):
        return load_spec(_read_json(text), source=text)
    if reference := find_reference(text.strip()):
        return reference.spec(in_channels=in_channels, num_classes=num_classes)
    try:
        return parse_notation(text, in_channels=in_channels or 3, num_classes=num_classes or 10)
    except InvalidInputError as error:
        if close := nearest(text, list(REFERENCES)):
            raise InvalidInputError(f"{error}{close}") from None
        raise


def _read_json(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInputError(
            f"cannot read the spec file {shortened(path)}: {explain_system_error(error)}"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} is not JSON: it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"{path} is not JSON: {error}") from None
    except RecursionError:
        raise InvalidInputError(f"{path} is not a spec: its lists or objects are nested too deeply") from None
    except ValueError:
        # what is left: a number of thousands of digits, or a path with a NUL character
        raise InvalidInputError(f"{shown(path)} cannot be read as a spec file") from None
