"""``mgnas help study-file``: a study file with every key, its default and its description."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any, get_args

import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from search.study.config import StudyConfig

WIDTH = 100
"""Maximum width of a comment, in characters."""


def study_file() -> str:
    """Return a study file with all keys at their defaults; keys without a default are commented out."""
    defaults = StudyConfig().model_dump(mode="json")
    lines = [*_comment(StudyConfig), ""]
    sections: list[str] = []
    for name, field in StudyConfig.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            sections += ["", *_section(name, field.annotation, defaults[name])]
        else:
            lines += _key(name, field, defaults[name])
    return "\n".join([*lines, *sections]) + "\n"


def _section(name: str, model: type[BaseModel], values: dict[str, Any]) -> list[str]:
    keys = [line for key, field in model.model_fields.items() for line in _key(key, field, values[key])]
    return [*_comment(model), f"[{name}]", *keys]


def _comment(model: type[BaseModel]) -> list[str]:
    text = inspect.getdoc(model)
    assert text is not None
    return [f"# {line}".rstrip() for line in text.replace("``", "`").splitlines()]


def _key(name: str, field: FieldInfo, value: Any) -> list[str]:
    """Return the lines of one key: its description as comments, then its default."""
    choices = [repr(choice) for choice in get_args(field.annotation) if isinstance(choice, str)]
    said = " ".join(filter(None, [field.description, f"({' | '.join(choices)})" if choices else ""]))
    comments = [f"# {line}" for line in textwrap.wrap(said, WIDTH - 2)]
    return [*comments, f"# {name} =" if value is None else f"{name} = {inline(value)}"]


def inline(value: Any) -> str:
    """Return a value as TOML on one line, without the unset keys of dictionaries."""
    if isinstance(value, dict):
        pairs = (f"{key} = {inline(one)}" for key, one in value.items() if one is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return tomli_w.dumps({"value": value}).strip().partition(" = ")[2]
