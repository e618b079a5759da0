"""The report of a study: one HTML file that needs no network, for people who have just searched."""

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
from results.report import html as parts
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
"""By which a report is known as one; it stands in the first ``GENERATOR_WITHIN`` bytes."""
GENERATOR_WITHIN = 1024


def write_report(study: StudyReader, path: Path) -> Path:
    """Write the report of ``study`` to ``path``, whole or not at all, and return the path.

    The file holds its scripts and styles (about 5 MB, nearly all of it plotly.js) and loads nothing.

    Raises:
        InvalidInputError: ``path`` is a folder, or a file that is neither a report of mgnas nor the
            study's own ``report.html``.
    """
    _check_output(path, own=study.folder / REPORT)
    return write_atomic(path, render_report(study))


def render_report(study: StudyReader) -> str:
    """Return the report as the text of an HTML page."""
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
        name=parts.escape(study.name),
        css=_asset("page.css"),
        script=_asset("page.js"),
        plotly=get_plotlyjs(),
        charts=_script_json({name: chart.to_dict() for name, chart in charts.items()}),
        state="complete" if study.complete else "not complete",
        state_class="complete" if study.complete else "open",
        lead=parts.lead(study),
        picks=pick_cards(study),
        tiles=parts.tiles(study),
        notice=parts.notice(study),
        failures=parts.failures(study),
        front_lead=front_lead(study),
        front_chart=_front_charts(study, charts),
        front_table=parts.front_table(study) + trainings_table(study) + parts.references_table(study),
        hypervolume_chart=_hypervolume_chart(study, charts),
        curves_chart=_curves_chart(study, charts),
        effects=effects_charts(hyperparameter_effects(study.records)),
        config=parts.sections(_used(header), "study"),
        environment=parts.sections({"data": header.data, **header.environment}, "environment"),
    )


def _used(header: StudyHeader) -> dict[str, Any]:
    """Return the configuration without the section that a study with a plan does not use."""
    return {key: value for key, value in header.config.items() if key != "space" or not header.plan}


def _check_output(path: Path, own: Path) -> None:
    """Refuse to replace anything but a report; ``own`` is the study's, whatever it holds now."""
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; name a file for the report (-o {path / REPORT})")
    if not path.exists() or path.resolve() == own.resolve():
        return
    if not path.is_file() or not _is_report(path):
        raise InvalidInputError(
            f"{path} is not a report of mgnas, so it is not replaced; name another file (-o) or move it away"
        )


def _is_report(path: Path) -> bool:
    with path.open("rb") as file:
        return GENERATOR.encode() in file.read(GENERATOR_WITHIN)


def _asset(name: str) -> str:
    return files("results.report").joinpath(name).read_text(encoding="utf-8")


def _script_json(data: Any) -> str:
    """Return JSON that no text inside it can lead out of a <script> element."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _front_name(cost: Cost) -> str:
    return "front" if cost.name == "params" else f"front-{cost.name}"


def _front_charts(study: StudyReader, charts: dict[str, Chart]) -> str:
    """Return accuracy against each of the study's costs; what is said of all stands under the first."""
    if not charts:
        return parts.nothing_yet(study)
    names = [_front_name(cost) for cost in study.objectives.costs]
    captions = [_front_caption(study, charts[names[0]]), *("" for _ in names[1:])]
    return "".join(
        parts.chart(name, "validation accuracy", caption, charts[name], tall=True)
        for name, caption in zip(names, captions, strict=True)
    )


def _front_caption(study: StudyReader, chart: Chart) -> str:
    sentences = []
    if study.knee is not None:
        above = "the line between the ends of the good part of the front"
        if len(study.objectives.costs) > 1:
            above = "the mean of its costs' places between the lowest and the highest of the good networks"
        sentences.append(
            f"The knee lies farthest above {above}: those with at least {100 * KNEE_SHARE:.0f} % of the best "
            "one's advantage over chance."
        )
    if any(trial.epochs < trial.max_epochs for trial in complete_trials(study.records)):
        sentences.append("Open circles were stopped before their last epoch.")
    if complete_trials(study.references):
        sentences.append("Diamonds are networks of the papers, trained by the same recipe.")
    floor = chart.focus[0]
    if below := sum(value < floor for value in accuracies(study.records)):
        lies = "network lies" if below == 1 else "networks lie"
        sentences.append(
            f"{below} {lies} below {floor:.1f} %, out of the close-up; <em>everything</em> shows all."
        )
    return " ".join(sentences)


def _hypervolume_chart(study: StudyReader, charts: dict[str, Chart]) -> str:
    if not charts:
        return parts.nothing_yet(study)
    caption = (
        "Hypervolume is the share of the box (error from 0 to 100 %, log of parameters from the space's "
        "smallest network to its largest) that the front dominates: 0 is nothing, 1 the smallest network "
        "without an error."
    )
    if not study.objectives.is_params:
        titles = ", ".join(cost.title for cost in study.objectives.costs)
        caption = (
            f"Hypervolume is the share of the box (error from 0 to 100 %, log of {titles}, each from the "
            "space's lowest to its highest, or of those measured) that the front dominates: 0 is nothing, 1 "
            "a network that costs least without an error."
        )
    return parts.chart("hypervolume", "hypervolume", caption, charts["hypervolume"])


def _curves_chart(study: StudyReader, charts: dict[str, Chart]) -> str:
    if not charts:
        return parts.nothing_yet(study)
    if not any(study.reports.get(trial.number) for trial in study.front_records):
        return '<p class="empty">No epoch of these networks was recorded.</p>'
    caption = (
        f"Trial and parameters, from the smallest network to the largest. {parts.chips(study.front_records)}"
    )
    return parts.chart("curves", "validation accuracy", caption, charts["curves"])
