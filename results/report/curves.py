"""The section of the learning curves of the front."""

from __future__ import annotations

from collections.abc import Sequence

from results.plots.curves_chart import curve_name, curves_chart, dashes, shade
from results.report.html import chart, no_front
from results.report.section import Section
from results.storage.records import TrialRecord
from results.study import StudyReader


def curves_section(study: StudyReader) -> Section:
    """Return the chart of the learning curves."""
    name, title = "learning-curves", "Learning curves of the front"
    if not study.front_records:
        return Section(name, title, no_front(study))
    if not any(study.reports.get(trial.number) for trial in study.front_records):
        return Section(name, title, '<p class="empty">These networks have no recorded epochs.</p>')
    caption = f"The legend gives trial and parameters, by ascending size. {chips(study.front_records)}"
    content = curves_chart(study)
    figure = chart("curves", "validation accuracy after each epoch", caption, content)
    return Section(name, title, figure, {"curves": content})


def chips(front: Sequence[TrialRecord]) -> str:
    """Return the legend of the learning curves."""
    items = (
        f'<li><svg viewBox="0 0 44 8" aria-hidden="true"><path d="M0 4H44" fill="none" stroke-width="2.5" '
        f'style="stroke:{shade(place, len(front))}" stroke-dasharray="{dashes(place)}"/></svg>'
        f"{curve_name(trial)}</li>"
        for place, trial in enumerate(front)
    )
    return f'<ul class="chips">{"".join(items)}</ul>'
