"""Help texts of commands: options in panels, then examples.

Typer draws panels with rich, whose import doubles the time of ``--help``. These are plain text.
"""

from __future__ import annotations

import inspect
from typing import Any

import typer.core

STUDY, DATA, SEARCH, TRAINING, MACHINE, OUTPUT = "Study", "Data", "Search", "Training", "Machine", "Output"


class PanelCommand(typer.core.TyperCommand):
    """A command whose help groups its options by ``rich_help_panel``; the epilog has examples, one a line."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each panel, in the order of the options."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                other = "Arguments" if param.param_type_name == "argument" else "Options"
                panels.setdefault(getattr(param, "rich_help_panel", None) or other, []).append(record)
        for panel, records in panels.items():
            with formatter.section(panel):
                formatter.write_dl(records)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples without wrapping, so that they can be copied."""
        if self.epilog:
            with formatter.section("Examples"):
                for line in inspect.cleandoc(self.epilog).splitlines():
                    formatter.write(f"{'':{formatter.current_indent}}{line}\n")
