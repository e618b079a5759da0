"""The page of a comparison: one HTML file that works offline, in the style of the report."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from results.comparison.text import Table, coverage_table, methods_table, studies_table, tests_table
from results.storage.objectives import COSTS
from space.core.atomic_files import user_path, write_atomic
from space.core.errors import InvalidInputError
from space.core.text import plural

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from results.comparison.data import ComparisonData

GENERATOR = '<meta name="generator" content="mgnas compare">'
"""Marks a page; it is within the first ``GENERATOR_WITHIN`` bytes."""
GENERATOR_WITHIN = 1024
BAND = "The line is the median over the studies of a method, the band spans its quartiles."


def write_page(comparison: ComparisonData, path: str | Path) -> Path:
    """Write the page atomically (about 5 MB, mostly plotly.js) and return its path.

    Raises:
        InvalidInputError: ``path`` is a folder, or a file that is not such a page.
    """
    path = user_path(path, "the page")
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; name a file for the page (-o {path / 'compare.html'})")
    if path.exists() and not (path.is_file() and GENERATOR.encode() in _beginning(path)):
        raise InvalidInputError(
            f"{path} is not a comparison of mgnas, so it is not replaced; choose another file (-o) or move it away"
        )
    return write_atomic(path, render_page(comparison))


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(GENERATOR_WITHIN)


def render_page(comparison: ComparisonData) -> str:
    """Return the page as HTML."""
    from plotly.offline import get_plotlyjs

    figures = {
        "hypervolume-epochs": comparison.hypervolume_figure("epochs"),
        "hypervolume-time": comparison.hypervolume_figure("searched_s"),
        **{f"attainment-{name}": comparison.attainment_figure(name) for name in comparison.cost_names},
    }
    methods = list(dict.fromkeys(comparison.method_of.values()))
    return Template(_asset("results.comparison", "page.html.template")).substitute(
        generator=GENERATOR,
        title=html.escape(f"{plural(len(methods), 'method')} on {comparison.data}"),
        css=_asset("results.report", "page.css"),
        lead=html.escape(f"{plural(len(comparison.names), 'study', 'studies')}: {', '.join(methods)}"),
        warnings=_list("Read with care.", comparison.warnings),
        sections="\n".join(_sections(comparison)),
        figures=_script_json({name: _plain(figure) for name, figure in figures.items()}),
        plotly=get_plotlyjs(),
        script=_asset("results.comparison", "page.js"),
    )


def _sections(comparison: ComparisonData) -> list[str]:
    box = html.escape(comparison.box)
    epochs = plural(comparison.common_epochs, "epoch")
    return [
        _section(
            "Methods",
            f"The hypervolume is the share of this box that a front dominates: {box}. <em>At equal epochs</em> is its "
            f"value after {epochs}. Quartiles are in brackets.",
            _table("Methods", methods_table(comparison)),
        ),
        _section(
            "Hypervolume",
            f"{BAND} A study that has ended keeps its last value.",
            _figure("hypervolume-epochs", "Hypervolume against epochs"),
            _figure("hypervolume-time", "Hypervolume against search time"),
        ),
        _section(
            "Attainment surfaces",
            f"{BAND} At each cost, half of the studies reach the accuracy of the line.",
            *(
                _figure(f"attainment-{name}", f"Accuracy against {COSTS[name].title}")
                for name in comparison.cost_names
            ),
        ),
        _section(
            "Tests",
            "Mann-Whitney U test of the hypervolumes, corrected for the pairs of methods (Holm). 0.5 means no "
            "difference between two methods. A star marks p at most 0.05.",
            _table("Tests", tests_table(comparison)),
        ),
        _section(
            "Coverage",
            "The share of the second method's merged front that the first one's merged front weakly dominates.",
            _table("Coverage", coverage_table(comparison)),
        ),
        _section("Studies", "", _table("Studies", studies_table(comparison))),
        _section(
            "Differences", "", _list("The studies differ in:", comparison.differences) or "None but the seed."
        ),
    ]


def _section(title: str, text: str, *content: str) -> str:
    return f"<section><h2>{title}</h2><p>{text}</p>{''.join(content)}</section>"


def _figure(name: str, title: str) -> str:
    title = html.escape(title)
    buttons = "".join(
        f'<button data-figure="{name}" data-save="{form}" aria-label="save {title} as {form.upper()}">'
        f"{form.upper()}</button>"
        for form in ("svg", "png")
    )
    return (
        f'<figure><div class="bar"><span>{title}</span><span class="views">{buttons}</span></div>'
        f'<div class="plot" id="chart-{name}" role="img" aria-label="{title}"></div></figure>'
    )


def _table(label: str, table: Table) -> str:
    header, rows = table
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        '<p class="hint" hidden>The table is wider than the page. Scroll it horizontally.</p>'
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}, table"><table class="wide">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _list(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    return f'<div class="notice"><strong>{title}</strong><ul>{items}</ul></div>'


def _plain(figure: go.Figure) -> dict[str, Any]:
    plain: dict[str, Any] = figure.to_plotly_json()
    return {"data": plain["data"], "layout": plain["layout"]}


def _script_json(data: Any) -> str:
    """Return JSON in which no text can close a <script> element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _asset(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
