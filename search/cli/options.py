"""Options that several commands share, and the values they stand for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from search.cli.panels import OUTPUT, STUDY

Folder = Annotated[str, typer.Argument(metavar="DIR", help="A study's folder.")]
Plugins = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        help="A Python file that registers families; repeatable.",
        rich_help_panel=STUDY,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout.", rich_help_panel=OUTPUT)
]


def path_of(option: str, text: str | None) -> Path | None:
    """Return the path that an option names; raises InvalidInputError for an empty or unusable one."""
    from space.core.atomic_files import user_path

    return None if text is None else user_path(text, option)


def number_or_text(text: str | None) -> int | str | None:
    """Return the integer in ``text``. Other text is returned for the configuration to refuse."""
    return int(text) if text and re.fullmatch(r"\d{1,18}", text.strip(), re.ASCII) else text


def image_size_of(text: str | None) -> int | str | list[int] | None:
    """Return 64 for ``64`` and [48, 64] for ``48x64``. Other text is returned for the configuration to refuse."""
    sides = re.fullmatch(r"(\d{1,18})x(\d{1,18})", (text or "").strip(), re.ASCII)
    return [int(sides[1]), int(sides[2])] if sides else number_or_text(text)


def load_plugins_named(files: list[str] | None) -> None:
    """Load the files of ``--plugin``; raises InvalidInputError for an empty name or a failing plugin."""
    from space.core.errors import InvalidInputError
    from space.networks.plugins import load_plugins

    if not all(file.strip() for file in files or []):
        raise InvalidInputError("--plugin is empty; name a Python file, or leave it out")
    load_plugins(files or [])
