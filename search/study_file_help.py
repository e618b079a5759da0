"""``mgnas help study-file``: a study file with every key, its default and what it means."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import tomli_w
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from search.config import StudyConfig


def study_file() -> str:
    """Return a study file with all keys at their defaults; keys without one are commented out."""
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
    return [f"# {line}".rstrip() for line in inspect.getdoc(model).splitlines()]  # type: ignore[union-attr]


def _key(name: str, field: FieldInfo, value: Any) -> list[str]:
    choices = [repr(choice) for choice in get_args(field.annotation) if isinstance(choice, str)]
    said = "; ".join(filter(None, [field.description, " | ".join(choices)]))
    comment = f"  # {said}" if said else ""
    if value is None:
        return [f"# {name} ={comment or '  # no default'}"]
    inline = value if not isinstance(value, dict) else None
    if inline is None:
        pairs = (tomli_w.dumps({key: one}).strip() for key, one in value.items() if one is not None)
        return [f"{name} = {{{', '.join(pairs)}}}{comment}"]
    text = " ".join(tomli_w.dumps({name: value}).split()) if isinstance(value, list) else None
    return [f"{text or tomli_w.dumps({name: value}).strip()}{comment}"]
