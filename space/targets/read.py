"""Targets by name, and from files of users."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError

from space.core.atomic_files import absolute_path
from space.core.errors import InvalidInputError, nearest, shown
from space.core.system_errors import explain_system_error
from space.core.validation import explain
from space.targets.target import Target

SUFFIX = ".toml"


def _known() -> Traversable:
    return files("space").joinpath("targets")


def target_names() -> list[str]:
    """Return the names of the targets that come with mgnas."""
    return sorted(
        entry.name.removesuffix(SUFFIX) for entry in _known().iterdir() if entry.name.endswith(SUFFIX)
    )


def known_target(name: str) -> Target:
    """Return the target of a name of ``target_names``."""
    text = _known().joinpath(f"{name}{SUFFIX}").read_text("utf-8")
    return Target.model_validate({"name": name, **tomllib.loads(text)})


def read_target(text: str, base: Path = Path()) -> Target:
    """Return the target of a name, or of a file in TOML.

    Args:
        text: A name of ``target_names``, or a file that ends in ``.toml``.
        base: The folder of a relative path.

    Raises:
        InvalidInputError: There is no such target, or the file cannot be read or has a wrong key or value.

    Example:
        >>> read_target("arduino-nano-33-ble").limits
    """
    names = target_names()
    if text in names:
        return known_target(text)
    if text.endswith(SUFFIX):
        return _read_file(Path(absolute_path(base, text, f"the target {shown(text)}")), text)
    raise InvalidInputError(
        f"there is no target {shown(text)}{_suggestion(text, names)} (targets: {', '.join(names)}; or a file ending in "
        f"{SUFFIX})"
    )


def _suggestion(text: str, names: list[str]) -> str:
    """Return the names that contain a part of a name, else those that begin like it, as a question."""
    word = text.strip().lower()
    found = [name for name in names if word and word in name]
    if not found and not nearest(word, names):
        beginnings = [name[: len(word)] for name in names]
        close = nearest(word, beginnings)
        found = [name for name in names if close and repr(name[: len(word)]) in close]
    return f"; did you mean {' or '.join(map(repr, found[:3]))}?" if found else nearest(word, names)


def _read_file(path: Path, shown_as: str) -> Target:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInputError(f"cannot read the target {shown_as}: {explain_system_error(error)}") from None
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{shown_as} is not TOML: {error}") from None
    try:
        return Target.model_validate({"name": path.stem, **tables})
    except ValidationError as error:
        raise explain(error, Target, shown_as) from None
