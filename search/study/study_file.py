"""Presets, study files and assignments of the command line, as plain tables."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel

from search.study.config import StudyConfig, Tables
from space.core.errors import InvalidInputError, nearest, shown
from space.core.system_errors import explain_system_error


def _presets() -> Traversable:
    return files("search").joinpath("presets")


def preset_names() -> list[str]:
    """Return the names of the presets that come with mgnas."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in _presets().iterdir() if entry.name.endswith(".toml")
    )


def read_preset(name: str) -> Tables:
    """Return a preset's tables; raises InvalidInputError for an unknown name."""
    known = preset_names()
    if name not in known:
        raise InvalidInputError(
            f"there is no preset {name!r}{nearest(name, known)} (presets: {', '.join(known)})"
        )
    return {
        "name": name,
        **tomllib.loads(_presets().joinpath(f"{name}.toml").read_text("utf-8-sig")),
    }


def read_study_file(path: Path) -> Tables:
    """Return a study file's tables, on top of the preset it names with ``preset = ...`` if it does.

    Files that it names are seen from its own folder; its name is the study's, unless it says another.

    Raises:
        InvalidInputError: the file cannot be read or is not TOML.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInputError(f"cannot read the study file {path}: {explain_system_error(error)}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} is not TOML: {error}") from None
    preset = tables.pop("preset", None)
    base = (
        read_preset(str(preset)) | {"name": path.stem, "description": ""} if preset else {"name": path.stem}
    )
    return overlay(base, tables)


def overlay(base: Tables, top: Tables) -> Tables:
    """Return ``base`` with the keys of ``top``; of two sections with one name the keys are joined."""
    merged = dict(base)
    for key, value in top.items():
        both = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = base[key] | value if both else value
    return merged


def parse_assignment(text: str) -> Tables:
    """Return the tables that ``section.key=value`` stands for; the value is TOML, or else taken as text.

    Raises:
        InvalidInputError: there is no ``=``, or not one section and one key before it.
    """
    name, equals, value = text.partition("=")
    section, dot, key = name.strip().partition(".")
    if not equals or not dot or not section or not key or "." in key:
        known = _known_keys(section.strip())
        raise InvalidInputError(
            f"--set takes section.key=value, such as train.epochs=20, but got {shown(text)} ({known}; "
            "'mgnas help study-file' explains them)"
        )
    try:
        tables = tomllib.loads(f"value = {value.strip()}")
        parsed = tables["value"] if len(tables) == 1 else value.strip()
    except (ValueError, RecursionError):
        # also numbers of thousands of digits and lists in lists without end, which Python refuses to read
        parsed = value.strip()
    return {section: {key: parsed}}


def _known_keys(section: str) -> str:
    """Return in words the keys of a section, or the sections where there is none of this name."""
    sections = {
        name: field.annotation.model_fields
        for name, field in StudyConfig.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    if section in sections:
        return f"keys of {section}: {', '.join(sections[section])}"
    return f"sections: {', '.join(sections)}"
