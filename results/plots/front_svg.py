"""The Pareto front as a static SVG chart, for a README or a slide."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from results.front import accuracy, complete_trials, pareto_front
from results.picks import knee
from results.plots.axes import accuracies, focus_range, log_range, log_ticks, percent_ticks
from results.plots.svg import LEFT, TOP, Axis, SvgChart
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.atomic_files import write_atomic
from space.core.text import plural, short_count


def write_front_svg(study: StudyReader, path: Path) -> Path:
    """Write the chart of ``front_svg`` to ``path`` atomically, and return the path."""
    return write_atomic(path, front_svg(study))


def front_svg(study: StudyReader) -> str:
    """Return the front of accuracy against parameters over all complete trials, as SVG text.

    Further costs of the study are ignored. Trials far below the others lie outside the chart; the subtitle
    counts them.
    """
    complete = complete_trials(study.records)
    front = pareto_front(complete)
    low, high = focus_range(accuracies(complete), keep=accuracies(front))
    shown = [trial for trial in complete if 100 * accuracy(trial) >= low]
    visible = [trial for trial in front if trial in shown]
    chart = SvgChart(
        _params_axis([trial.params for trial in complete]),
        Axis(low, high, percent_ticks(low, high), "{:g} %".format),
    )
    for trial in shown:
        if trial not in front:
            chart.point(trial.params, 100 * accuracy(trial), "other", 3.4)
    if visible:
        _add_front(chart, visible, max(trial.params for trial in shown), low)
        _add_labels(chart, visible, knee(front, sampling=study.header.sampling))
    return chart.render(
        f"{study.name}: validation accuracy against parameters",
        _subtitle(study, len(complete), len(front), len(complete) - len(shown)),
        f"Pareto front of the study {study.name}",
    )


def _params_axis(params: Sequence[int]) -> Axis:
    low, high = (10.0**power for power in log_range(params))
    return Axis(low, high, log_ticks(low, high), short_count, "parameters (log scale)", is_log=True)


def _subtitle(study: StudyReader, num_complete: int, num_on_front: int, num_hidden: int) -> str:
    data = study.header.data.get("name")
    facts = [f"{plural(num_complete, 'network')} trained", f"{num_on_front} on the front"]
    if data and str(data) != study.name:
        facts.insert(0, str(data))
    if num_hidden:
        facts.append(f"{num_hidden} below the picture")
    return " · ".join(facts)


def _add_front(chart: SvgChart, front: Sequence[TrialRecord], end: float, bottom: float) -> None:
    """Add the front's points and its step line, which runs from the first point to ``end``."""
    xs, ys = [float(front[0].params)], [100 * accuracy(front[0])]
    for trial in front[1:]:
        xs += [trial.params, trial.params]
        ys += [ys[-1], 100 * accuracy(trial)]
    xs.append(end)
    ys.append(ys[-1])
    chart.band(xs, [bottom] * len(xs), ys, "wash")
    chart.line(xs, ys, "line")
    for trial in front:
        chart.point(trial.params, 100 * accuracy(trial), "front", 5.5)


def _add_labels(chart: SvgChart, front: Sequence[TrialRecord], bend: TrialRecord | None) -> None:
    top = front[-1]
    _add_label(chart, top, "best")
    if bend is not None and bend in front and bend != top:
        chart.point(bend.params, 100 * accuracy(bend), "knee", 10)
        _add_label(chart, bend, "knee")


def _add_label(chart: SvgChart, trial: TrialRecord, kind: str) -> None:
    """Label a point above and left of it, where no network of the front can be."""
    x, y = chart.x(trial.params), chart.y(100 * accuracy(trial))
    text = f"{kind}: {100 * accuracy(trial):.1f} %, {short_count(trial.params)}"
    if x < LEFT + 150:
        chart.label(x - 4, max(y - 14, TOP - 2), text, anchor="start")
    else:
        chart.label(x - 12, max(y - 7, TOP - 2), text, anchor="end")
