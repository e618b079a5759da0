"""The front as a still picture: SVG text without a drawing library, for a README or a slide."""

from __future__ import annotations

import math
from pathlib import Path

from results.front import accuracy, complete_trials, pareto_front
from results.picks import knee
from results.plots.axes import (
    Range,
    accuracies,
    focus_range,
    log_range,
    log_ticks,
    percent_ticks,
    plural,
    short_count,
)
from results.plots.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    bottom_axis,
    card,
    column_line,
    escape,
    row_line,
)
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.atomic_files import write_atomic


class _Frame:
    """Where parameters and accuracies (in per cent) lie in the picture, in pixels."""

    def __init__(self, x: Range, y: Range) -> None:
        self.x_range, self.y_range = x, y

    def x(self, params: float) -> float:
        low, high = self.x_range
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(params) - low) / (high - low)

    def y(self, percent: float) -> float:
        low, high = self.y_range
        share = (percent - low) / (high - low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def write_front_svg(study: StudyReader, path: Path) -> Path:
    """Write the front over all complete trials as an SVG picture to ``path`` and return the path."""
    return write_atomic(path, front_svg(study))


def front_svg(study: StudyReader) -> str:
    """Return the picture as SVG text: light and dark, without a script or an outside resource.

    It is of accuracy against parameters, whatever else the study weighs. Trials far below the rest lie
    outside it and are counted in its subtitle.
    """
    complete = complete_trials(study.records)
    front = pareto_front(complete)
    y_range = focus_range(accuracies(complete), keep=accuracies(front))
    frame = _Frame(log_range([t.params for t in complete]), y_range)
    shown = [t for t in complete if 100 * accuracy(t) >= y_range[0]]
    parts = [
        *_axes(frame),
        *(_dot(frame, trial, "other", 3.4) for trial in shown if trial not in front),
        *_front(frame, front, shown, knee(front, sampling=study.header.sampling)),
    ]
    title = f"{study.name}: validation accuracy against parameters"
    subtitle = _subtitle(study, len(complete), len(front), len(complete) - len(shown))
    return card(f"Pareto front of the study {study.name}", title, subtitle, parts)


def _subtitle(study: StudyReader, num_complete: int, num_on_front: int, num_hidden: int) -> str:
    data = study.header.data.get("name")
    facts = [
        f"{plural(num_complete, 'network')} trained",
        f"{num_on_front} on the front",
    ]
    if data and str(data) != study.name:
        facts.insert(0, str(data))
    if num_hidden:
        facts.append(f"{num_hidden} below the picture")
    return " · ".join(facts)


def _axes(frame: _Frame) -> list[str]:
    parts = []
    for tick in percent_ticks(*frame.y_range):
        parts += row_line(frame.y(tick), f"{tick:g} %")
    for tick in log_ticks(10 ** frame.x_range[0], 10 ** frame.x_range[1]):
        parts += column_line(frame.x(tick), short_count(tick))
    return parts + bottom_axis("parameters (log scale)")


def _front(
    frame: _Frame, front: list[TrialRecord], shown: list[TrialRecord], bend: TrialRecord | None
) -> list[str]:
    visible = [trial for trial in front if trial in shown]
    if not visible:
        return []
    bottom = HEIGHT - BOTTOM
    path = f"M{_x(frame, visible[0]):.1f},{bottom}"
    for trial in visible:
        path += f"H{_x(frame, trial):.1f}V{_y(frame, trial):.1f}"
    path += f"H{frame.x(max(trial.params for trial in shown)):.1f}"
    line = "M" + path.partition("V")[2].join((f"{_x(frame, visible[0]):.1f},", ""))
    parts = [f'<path class="wash" d="{path}V{bottom}Z"/>', f'<path class="line" d="{line}"/>']
    parts += [_dot(frame, trial, "front", 5.5) for trial in visible]
    top = visible[-1]
    parts.append(_label(frame, top, "best"))
    if bend is not None and bend in visible and bend != top:
        parts += [_dot(frame, bend, "knee", 10), _label(frame, bend, "knee")]
    return parts


def _x(frame: _Frame, trial: TrialRecord) -> float:
    return frame.x(trial.params)


def _y(frame: _Frame, trial: TrialRecord) -> float:
    return frame.y(100 * accuracy(trial))


def _dot(frame: _Frame, trial: TrialRecord, kind: str, radius: float) -> str:
    return f'<circle class="{kind}" cx="{_x(frame, trial):.1f}" cy="{_y(frame, trial):.1f}" r="{radius}"/>'


def _label(frame: _Frame, trial: TrialRecord, kind: str) -> str:
    """Return the label of a point: up and left of it, where no network of the front can be."""
    x, y = _x(frame, trial), _y(frame, trial)
    text = f"{kind}: {100 * accuracy(trial):.1f} %, {short_count(trial.params)}"
    start = x < LEFT + 150
    place = f'x="{x - 4 if start else x - 12:.1f}" y="{max(y - 14 if start else y - 7, TOP - 2):.1f}"'
    return (
        f'<text class="label halo" {place} text-anchor="{"start" if start else "end"}">{escape(text)}</text>'
    )
