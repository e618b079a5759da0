"""Options that several commands share, and the values they stand for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[str, typer.Argument(metavar="DIR", help="A study's folder.")]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="FILE", help="A Python file that registers families; repeatable."),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout and nothing else there.")]


def path_of(option: str, text: str | None) -> Path | None:
    """Return what an option names as a path; raises InvalidInputError for what is none, or empty."""
    from space.core.atomic_files import user_path

    return None if text is None else user_path(text, option)


def number_or_text(text: str | None) -> int | str | None:
    """Return a whole number where ``text`` is one; of anything else the configuration says what is wrong."""
    return int(text) if text and re.fullmatch(r"\d{1,18}", text.strip(), re.ASCII) else text


def image_size_of(text: str | None) -> int | str | list[int] | None:
    """Return the side, or height and width, that ``64`` or ``48x64`` stands for; other text as it is."""
    sides = re.fullmatch(r"(\d{1,18})x(\d{1,18})", (text or "").strip(), re.ASCII)
    return [int(sides[1]), int(sides[2])] if sides else number_or_text(text)


def load_plugins_named(files: list[str] | None) -> None:
    """Load the files of ``--plugin``; raises InvalidInputError for an empty name, or a plugin that fails."""
    from space.core.errors import InvalidInputError
    from space.networks.plugins import load_plugins

    if not all(file.strip() for file in files or []):
        raise InvalidInputError("--plugin is empty; name a Python file, or leave it out")
    load_plugins(files or [])
