"""The section of the rungs: how many trials reached each rung, and with which accuracies."""

from __future__ import annotations

from collections.abc import Sequence

from results.plots.rungs_chart import rungs_chart
from results.report.html import chart, wide_table
from results.report.section import Section
from results.rungs import Rung, rung_populations
from results.study import StudyReader

_HEADS = (
    "epoch",
    "reached it",
    "trained further",
    "paused there",
    "stopped there",
    "accuracy, median (quartiles)",
)


def rungs_section(study: StudyReader) -> Section | None:
    """Return the chart and the table of the rungs; None for a scheduler without rungs."""
    rungs = rung_populations(study)
    if not any(rung.num_trials for rung in rungs):
        return None
    content = rungs_chart(rungs)
    lead = (
        "<p>The scheduler pauses trainings at rungs and resumes the promising ones. A box shows the quartiles and the "
        "median of the validation accuracy at the end of that epoch; its lines end at the lowest and highest "
        "value. Later rungs contain selected trials only, so the boxes do not show the gain of training longer.</p>"
    )
    figure = chart("rungs", "validation accuracy at the rungs", "", content)
    return Section("rungs", "Rungs", f"{lead}{figure}{_table(rungs)}", {"rungs": content})


def _table(rungs: Sequence[Rung]) -> str:
    heads = "".join(f'<th class="number" scope="col">{head}</th>' for head in _HEADS)
    most = max(rung.num_trials for rung in rungs)
    rows = []
    for rung in rungs:
        share = f"{rung.num_trials:,} ({100 * rung.num_trials / most:.0f} %)"
        cells = (str(rung.epoch), share, *_further(rung, is_last=rung is rungs[-1]), _accuracies(rung))
        rows.append("<tr>" + "".join(f'<td class="number">{cell}</td>' for cell in cells) + "</tr>")
    return wide_table("Rungs", heads, rows)


def _further(rung: Rung, *, is_last: bool) -> tuple[str, str, str]:
    if is_last:
        return "–", "–", "–"
    return f"{rung.num_resumed:,}", f"{rung.num_paused:,}", f"{rung.num_stopped:,}"


def _accuracies(rung: Rung) -> str:
    quartiles = rung.quartiles()
    if quartiles is None:
        return "–"
    low, middle, high = (100 * value for value in quartiles)
    return f"{middle:.1f} % ({low:.1f} to {high:.1f})"
