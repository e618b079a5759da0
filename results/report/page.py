"""The report of a study: one HTML file that works offline."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from plotly.offline import get_plotlyjs

from results.effects import hyperparameter_effects
from results.front import complete_trials
from results.picks import KNEE_SHARE
from results.plots.axes import accuracies
from results.plots.charts import Chart, curves_chart, front_chart, hypervolume_chart
from results.report import html
from results.report.effects import effects_charts
from results.report.objectives import front_lead
from results.report.picks import pick_cards
from results.report.trainings import trainings_table
from results.storage.objectives import Cost
from results.storage.records import StudyHeader
from results.storage.study_files import REPORT
from results.study import StudyReader
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError

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
    charts: dict[str, Chart] = {}
    if study.front_records:
        charts = {
            **{_front_name(cost): front_chart(study, cost) for cost in study.objectives.costs},
            "hypervolume": hypervolume_chart(study),
            "curves": curves_chart(study),
        }
    header = study.header
    return Template(_asset("page.html.template")).substitute(
        generator=GENERATOR,
        name=html.escape(study.name),
        css=_asset("page.css"),
        script=_asset("page.js"),
        plotly=get_plotlyjs(),
        charts=_script_json({name: chart.to_dict() for name, chart in charts.items()}),
        state="complete" if study.complete else "not complete",
        state_class="complete" if study.complete else "open",
        lead=html.lead(study),
        picks=pick_cards(study),
        tiles=html.tiles(study),
        notice=html.notice(study),
        failures=html.failures(study),
        front_lead=front_lead(study),
        front_chart=_front_charts(study, charts),
        front_table=html.front_table(study) + trainings_table(study) + html.references_table(study),
        hypervolume_chart=_hypervolume_chart(study, charts),
        curves_chart=_curves_chart(study, charts),
        effects=effects_charts(hyperparameter_effects(study.records)),
        config=html.sections(_used(header), "study"),
        environment=html.sections({"data": header.data, **header.environment}, "environment"),
    )


def _used(header: StudyHeader) -> dict[str, Any]:
    """Return the configuration; without the search space for a study that trains named networks."""
    return {key: value for key, value in header.config.items() if key != "space" or not header.plan}


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


def _front_name(cost: Cost) -> str:
    return "front" if cost.name == "params" else f"front-{cost.name}"


def _front_charts(study: StudyReader, charts: dict[str, Chart]) -> str:
    """Return one chart of accuracy for each cost; the first one has the common caption."""
    if not charts:
        return html.no_front(study)
    names = [_front_name(cost) for cost in study.objectives.costs]
    captions = [_front_caption(study, charts[names[0]]), *("" for _ in names[1:])]
    return "".join(
        html.chart(name, "validation accuracy", caption, charts[name], tall=True)
        for name, caption in zip(names, captions, strict=True)
    )


def _front_caption(study: StudyReader, chart: Chart) -> str:
    sentences = []
    if study.knee is not None:
        above = "the line between the ends of the front"
        if len(study.objectives.costs) > 1:
            above = "the mean of its scaled costs"
        sentences.append(
            f"The knee is the network with the largest distance above {above}. Candidates have at least "
            f"{100 * KNEE_SHARE:.0f} % of the best network's advantage over chance."
        )
    if any(trial.epochs < trial.max_epochs for trial in complete_trials(study.records)):
        sentences.append("Open circles are trainings that stopped before their last epoch.")
    if complete_trials(study.references):
        sentences.append("Diamonds are networks of the papers, trained by the same recipe.")
    floor = chart.focus[0]
    if below := sum(value < floor for value in accuracies(study.records)):
        is_below = "network is" if below == 1 else "networks are"
        sentences.append(
            f"{below} {is_below} below {floor:.1f} %, outside the close-up; <em>everything</em> shows all."
        )
    return " ".join(sentences)


def _hypervolume_chart(study: StudyReader, charts: dict[str, Chart]) -> str:
    if not charts:
        return html.no_front(study)
    caption = (
        "The hypervolume is the share of a box that the front dominates. The box spans the error from 0 to "
        "100 % and the logarithm of the parameters from the smallest network of the space to the largest. "
        "The value 1 is a network of the smallest size without errors."
    )
    if not study.objectives.is_params:
        titles = ", ".join(cost.title for cost in study.objectives.costs)
        caption = (
            "The hypervolume is the share of a box that the front dominates. The box spans the error from 0 "
            f"to 100 % and the logarithm of {titles}, each over its range in the space, or the measured "
            "range. The value 1 is a network of the lowest costs without errors."
        )
    return html.chart("hypervolume", "hypervolume", caption, charts["hypervolume"])


def _curves_chart(study: StudyReader, charts: dict[str, Chart]) -> str:
    if not charts:
        return html.no_front(study)
    if not any(study.reports.get(trial.number) for trial in study.front_records):
        return '<p class="empty">These networks have no recorded epochs.</p>'
    caption = f"The legend gives trial and parameters, by ascending size. {html.chips(study.front_records)}"
    return html.chart("curves", "validation accuracy", caption, charts["curves"])
