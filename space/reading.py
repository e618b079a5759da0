"""Reading a network that a user names: the papers' notation, or a spec's JSON file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from space.errors import InvalidInputError, nearest, shortened, shown
from space.mgnet import MgNetSpec
from space.notation import parse_notation
from space.spec import Spec
from space.validation import explain

FAMILIES: dict[str, type[Spec]] = {"mgnet": MgNetSpec}


def load_spec(data: dict[str, Any], source: str = "spec") -> Spec:
    """Return the spec of any family from plain data as ``Spec.to_dict`` makes it.

    Raises:
        InvalidInputError: unknown family, unknown or missing field, or a value outside its range.
    """
    family = data.get("family", "mgnet") if isinstance(data, dict) else None
    if not isinstance(family, str) or family not in FAMILIES:
        hint = nearest(str(family), tuple(FAMILIES))
        raise InvalidInputError(
            f"{source}: family must be one of {sorted(FAMILIES)}, but got {shown(family)}{hint}"
        )
    try:
        return FAMILIES[family].model_validate(data)
    except ValidationError as error:
        raise explain(error, FAMILIES[family], source) from None


def read_spec(text: str, *, in_channels: int = 3, num_classes: int = 10) -> Spec:
    """Return the spec that ``text`` names: a path to a JSON file if it ends in .json, else the notation.

    A file says its own channels and classes; the keyword arguments hold for the notation only.

    Raises:
        InvalidInputError: the file is missing, unreadable or not a spec, or the notation is wrong.
    """
    if not text.strip().lower().endswith(".json"):
        return parse_notation(text, in_channels=in_channels, num_classes=num_classes)
    return load_spec(_read_json(text), source=text)


def _read_json(path: str) -> Any:
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(f"cannot read the spec file {shortened(path)}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"{path} is not JSON: it is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"{path} is not JSON: {error}") from None
    except RecursionError:
        raise InvalidInputError(f"{path} is not a spec: its lists or objects are nested too deeply") from None
    except ValueError:
        # what is left: a number of thousands of digits, or a path with a NUL character
        raise InvalidInputError(f"{shown(path)} cannot be read as a spec file") from None
