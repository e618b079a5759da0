"""Options that several commands share, and the values they stand for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from search.cli import completion
from search.cli.panels import MACHINE, OUTPUT, STUDY, TRAINING

SPEC_HELP = "A reference's name (see 'mgnas presets'), the papers' notation, or a spec's JSON file."
"""What a named network may be."""

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
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.", rich_help_panel=OUTPUT)]
SeedsOfEach = Annotated[
    int, typer.Option(help="Trainings of each network, each from another seed.", rich_help_panel=TRAINING)
]


def set_option(help_text: str) -> Any:
    """Return the option ``--set``, which sets keys of the study file."""
    return typer.Option("--set", metavar="SECTION.KEY=VALUE", help=help_text, rich_help_panel=STUDY)


def target_option(help_text: str) -> Any:
    """Return the option ``--target``, which names a device."""
    return typer.Option(
        metavar="NAME|FILE.toml", help=help_text, autocompletion=completion.targets, rich_help_panel=STUDY
    )


def output_option(metavar: str, help_text: str) -> Any:
    """Return the option ``-o``, which names the file or folder that a command writes."""
    return typer.Option("-o", "--output", metavar=metavar, help=help_text, rich_help_panel=OUTPUT)


def epochs_option(default: str) -> Any:
    """Return the option ``--epochs``; ``default`` says in words which epochs hold without it."""
    return typer.Option(help=f"Epochs of each training.  [default: {default}]", rich_help_panel=TRAINING)


def device_option(help_text: str) -> Any:
    """Return the option ``--device``."""
    return typer.Option(help=help_text, autocompletion=completion.devices, rich_help_panel=MACHINE)


def refuse_two_forms(as_json: bool, as_csv: bool) -> None:
    """Raise InvalidInputError if both ``--json`` and ``--csv`` are given."""
    from space.core.errors import InvalidInputError

    if as_json and as_csv:
        raise InvalidInputError("--json and --csv exclude each other")


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


def searched_sizes_of(text: str | None) -> dict[str, list[int | str | None]] | None:
    """Return the key of ``[space.train]`` for sizes with commas, such as ``16,24,32``; None for one size."""
    if text is None or "," not in text:
        return None
    return {"image_size": [number_or_text(word) for word in text.split(",")]}


def load_plugins_named(files: list[str] | None) -> None:
    """Load the files of ``--plugin``; raises InvalidInputError for an empty name or a failing plugin."""
    from space.core.errors import InvalidInputError
    from space.networks.plugins import load_plugins

    if not all(file.strip() for file in files or []):
        raise InvalidInputError("--plugin is empty; name a Python file, or leave it out")
    load_plugins(files or [])
