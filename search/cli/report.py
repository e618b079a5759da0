"""``mgnas report``: write the report of a study, and its charts as files."""

from __future__ import annotations

from pathlib import Path

import typer

from results.open import open_study
from results.plots.figure_files import DEFAULT_FORMATS


def write_report(folder: str, output: Path | None, figures: Path | None, formats: str | None) -> None:
    """Write the report and, into the folder ``figures``, its charts; print the path of each file.

    Args:
        folder: The study's folder.
        output: The HTML file; None for the one in the study's folder.
        figures: The folder of the charts; None writes no chart.
        formats: The formats of the charts, with commas; None for the default ones.

    Raises:
        InvalidInputError: There is no study in ``folder``, or a format is unknown.
    """
    study = open_study(folder)
    typer.echo(study.report(output))
    if figures is None:
        return
    names = DEFAULT_FORMATS if formats is None else [name.strip() for name in formats.split(",")]
    for path in study.figures(figures, names, tell=lambda line: typer.echo(line, err=True)):
        typer.echo(path)
