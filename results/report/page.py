"""The report of a study: one HTML file that works offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from results.report.certification import certification_section
from results.report.chooser import chooser_data, chooser_section
from results.report.curves import curves_section
from results.report.effects import effects_section
from results.report.front import front_section
from results.report.html import escape
from results.report.networks import networks_section
from results.report.overview import lead, overview_section
from results.report.parallel import parallel_section
from results.report.progress import progress_section
from results.report.reproduce import reproduce_section
from results.report.rungs import rungs_section
from results.report.section import Section
from results.report.settings import settings_section
from results.storage.study_files import REPORT
from results.study import StudyReader
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError

SECTIONS: tuple[Callable[[StudyReader], Section | None], ...] = (
    chooser_section,
    front_section,
    networks_section,
    certification_section,
    overview_section,
    progress_section,
    rungs_section,
    curves_section,
    effects_section,
    parallel_section,
    reproduce_section,
    settings_section,
)
"""The sections of the report in order. A function returns None where its section does not apply."""
SCRIPTS = ("page.js", "theme.js", "copy.js", "chooser.js", "details.js")
"""The scripts in order; the first one draws the charts, and the others use it."""
GENERATOR = '<meta name="generator" content="mgnas report">'
"""Marks a file as a report; it is within the first ``GENERATOR_WITHIN`` bytes."""
GENERATOR_WITHIN = 1024


def write_report(study: StudyReader, path: Path) -> Path:
    """Write the report of ``study`` to ``path`` atomically, and return the path.

    The file contains its scripts and styles (about 5 MB, mostly plotly.js) and loads no other file.

    Raises:
        InvalidInputError: ``path`` is a folder, or a file that is neither a report of mgnas nor the study's
            own ``report.html``.
    """
    _check_output(path, own=study.folder / REPORT)
    return write_atomic(path, render_report(study))


def render_report(study: StudyReader) -> str:
    """Return the report as HTML."""
    sections = [section for make in SECTIONS if (section := make(study)) is not None]
    charts = {name: chart.to_dict() for section in sections for name, chart in section.charts.items()}
    return Template(_asset("page.html.template")).substitute(
        generator=GENERATOR,
        name=escape(study.name),
        css=_asset("page.css"),
        dark=_asset("dark.css"),
        script="\n".join(_asset(name) for name in SCRIPTS),
        plotly=get_plotlyjs(),
        charts=_script_json(charts),
        choices=_script_json(chooser_data(study)),
        state="complete" if study.complete else "not complete",
        state_class="complete" if study.complete else "open",
        lead=lead(study),
        navigation=" ".join(f'<a href="#{section.name}">{section.title}</a>' for section in sections),
        sections="\n".join(section.render() for section in sections),
    )


def _check_output(path: Path, own: Path) -> None:
    """Refuse to replace a file that is not a report; ``own``, the study's report, may have any content."""
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; name a file for the report (-o {path / REPORT})")
    if not path.exists() or path.resolve() == own.resolve():
        return
    if not path.is_file() or not _is_report(path):
        raise InvalidInputError(
            f"{path} is not a report of mgnas, so it is not replaced; choose another file (-o) or move it away"
        )


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(GENERATOR_WITHIN)


def _asset(name: str) -> str:
    return files("results.report").joinpath(name).read_text(encoding="utf-8")


def _script_json(data: Any) -> str:
    """Return JSON in which no text can close a <script> element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
