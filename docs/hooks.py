"""Hooks of MkDocs: pages that are generated from the code, and the folders of the navigation.

A page asks for generated text with a line ``{{ name }}``; ``GENERATED`` lists the names.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

FIRST = (
    "mathematics.md",
    "search-space.md",
    "how-a-search-decides.md",
    "training.md",
    "resume.md",
    "watch-a-search.md",
    "certify.md",
    "limit-latency.md",
    "warm-start.md",
)
"""Pages that lead the navigation of their folder; the others follow by name."""


def on_config(config: Any) -> Any:
    """Replace each folder in the navigation (``how-to/``) by its pages."""
    docs = Path(config["docs_dir"])
    config["nav"] = [{title: _pages(docs, entry) for title, entry in item.items()} for item in config["nav"]]
    return config


def _pages(docs: Path, entry: Any) -> Any:
    if not isinstance(entry, str) or not entry.endswith("/"):
        return entry
    names = sorted(path.name for path in (docs / entry).glob("*.md"))
    order = {name: place for place, name in enumerate(("index.md", *FIRST))}
    return [f"{entry}{name}" for name in sorted(names, key=lambda name: (order.get(name, len(order)), name))]


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Insert generated text, and leave out the attributes of fences that only tests read."""
    filled = re.sub(r"^\{\{ (\w+) \}\}$", lambda match: GENERATED[match[1]](), markdown, flags=re.MULTILINE)
    return re.sub(r"^(```\w+) \{no-test=.*\}$", r"\1", filled, flags=re.MULTILINE)


def command_line() -> str:
    """Return every command with its arguments and options, from the command line's own help."""
    import typer.main

    from search.cli.app import app

    group: Any = typer.main.get_command(app)
    return "\n".join(line for name, command in group.commands.items() for line in _command(name, command))


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join(["mgnas", name, *(param.metavar or param.name.upper() for param in arguments)])
    yield from (f"## {name}", "", inspect.cleandoc(command.help), "")
    yield from ("```text", f"{usage} [OPTIONS]", "```", "")
    if command.epilog:
        yield from ("```text", inspect.cleandoc(command.epilog), "```", "")
    panels = [param.rich_help_panel or "" for param in command.params]
    for panel in sorted(set(panels), key=lambda panel: (panel != "", panels.index(panel))):
        params = [param for param in command.params if (param.rich_help_panel or "") == panel]
        yield from ([f"**{panel}**", ""] if panel else [])
        yield from ("| option | meaning |", "| --- | --- |")
        yield from (f"| {_option(param)} | {_cell(param.help or '')} |" for param in params)
        yield ""


def _option(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{(param.metavar or param.name).upper()}`"
    value = "" if getattr(param, "is_flag", False) else f" {param.metavar or _kind(param)}"
    return f"`{', '.join(param.opts)}{value}`"


def _kind(param: Any) -> str:
    annotation = param.type_descriptor.annotation
    return {int: "N", float: "X"}.get(annotation, "TEXT")


def study_file() -> str:
    """Return every section of a study file as a table of keys, from the configuration's fields."""
    from pydantic import BaseModel

    from search.study.config import StudyConfig

    fields = StudyConfig.model_fields
    sections = {name: type(value) for name, value in StudyConfig() if isinstance(value, BaseModel)}
    lines = ["## Top of the file", "", *_keys(StudyConfig, [name for name in fields if name not in sections])]
    for name, model in sections.items():
        docstring = inspect.getdoc(model) or ""
        lines += [
            f"## [{name}]",
            "",
            docstring.replace("``", "`"),
            "",
            *_keys(model, list(model.model_fields)),
        ]
    return "\n".join(lines)


def _keys(model: Any, names: list[str]) -> Iterator[str]:
    from search.cli.study_file_help import inline

    defaults = model().model_dump(mode="json")
    yield from ("| key | default | meaning |", "| --- | --- | --- |")
    for name in names:
        field = model.model_fields[name]
        default = "unset" if defaults[name] is None else f"`{inline(defaults[name])}`"
        choices = _choices(field.annotation)
        listed = f" One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""
        yield f"| `{name}` | {_cell(default)} | {_cell((field.description or '') + listed)} |"
    yield ""


def _choices(annotation: Any) -> list[str]:
    named = get_origin(annotation) is Literal
    return [choice for choice in get_args(annotation) if isinstance(choice, str)] if named else []


def targets() -> str:
    """Return the table of known devices."""
    from space.targets.read import known_target, target_names
    from space.targets.text import limits_text

    lines = ["| name | device | limits of a network | exports | source |", "| --- | --- | --- | --- | --- |"]
    for target in map(known_target, target_names()):
        formats = ", ".join(target.export_formats)
        cells = (f"`{target.name}`", target.description, limits_text(target), formats, target.source)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def target_file() -> str:
    """Return the keys of the file of a target as a table."""
    from space.targets.target import Target

    return "\n".join(_keys(Target, list(Target.model_fields)))


def references() -> str:
    """Return the table of networks of the papers that have a name."""
    from space.networks.references import REFERENCES

    lines = ["| name | network | source |", "| --- | --- | --- |"]
    for name, reference in REFERENCES.items():
        lines.append(f"| `{name}` | `{reference.notation}` | {reference.source} |")
    return "\n".join(lines)


def dataframes() -> str:
    """Return the tables of the columns of each DataFrame of a study."""
    from results.columns import CURVES, POINT, TRIALS
    from results.frames import COST_COLUMNS, HYPERPARAMETER
    from results.storage.records import TRAINING

    searched = "a searched hyperparameter"
    tables: dict[str, list[Any]] = {
        "front()": [*POINT, *COST_COLUMNS, (f"{TRAINING}KEY", f"{searched} of the recipe")],
        "trials()": [*TRIALS, (f"{HYPERPARAMETER}NAME", f"{searched}; missing where the network has none")],
        "curves()": list(CURVES),
    }
    return _column_tables(tables)


def certification_frames() -> str:
    """Return the tables of the columns of each DataFrame of a certification."""
    from results.certification.frames import CONFUSION, NETWORKS, TRAININGS

    tables = {"networks_frame()": NETWORKS, "trainings_frame()": TRAININGS, "confusion_frame()": CONFUSION}
    return _column_tables({title: list(columns) for title, columns in tables.items()})


def comparison_frames() -> str:
    """Return the tables of the columns of each DataFrame of a comparison."""
    from results.comparison import columns

    names = ("methods", "studies", "tests", "coverage", "fronts", "history", "attainment")
    return _column_tables({f"{name}()": list(getattr(columns, name.upper())) for name in names})


def _column_tables(tables: dict[str, list[Any]]) -> str:
    lines = []
    for title, columns in tables.items():
        lines += [f"### {title}", "", "| column | dtype | meaning |", "| --- | --- | --- |"]
        for column in columns:
            name, meaning = column if isinstance(column, tuple) else (column.name, column.meaning)
            dtype = "by value" if isinstance(column, tuple) else f"`{column.dtype}`"
            lines.append(f"| `{name}` | {dtype} | {_cell(meaning)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Escape what would end a cell of a table, or be read as a tag."""
    words = " ".join(text.split()).replace("|", "\\|")
    return words if "`" in words else words.replace("<", "&lt;").replace("[", "\\[")


GENERATED: dict[str, Callable[[], str]] = {
    "command_line": command_line,
    "study_file": study_file,
    "targets": targets,
    "target_file": target_file,
    "references": references,
    "dataframes": dataframes,
    "certification_frames": certification_frames,
    "comparison_frames": comparison_frames,
}
