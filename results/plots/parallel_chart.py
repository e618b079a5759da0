"""Parallel coordinates: one line for each complete trial through its hyperparameters, costs and accuracy.

The lines are drawn as SVG: plotly's own trace of this kind needs WebGL, and its pictures are not vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go

from results.front import accuracy, complete_trials
from results.plots.axes import linear_ticks, log_ticks
from results.plots.chart import Chart, figure_of, layout, safe
from results.plots.curves_chart import RAMP
from results.storage.records import HyperparameterValue, TrialRecord
from results.study import StudyReader
from space.core.text import short_count

MOST_LINES = 500
"""The largest number of lines; more of them cannot be told apart."""
MOST_HYPERPARAMETERS = 8
"""The largest number of axes of hyperparameters: those with the strongest effects."""
ABSENT = "–"
"""The label of networks without a hyperparameter."""
_LOG_FROM = 20.0
"""Positive numbers whose highest is this multiple of the lowest have a logarithmic axis."""
_MOST_TICKS = 8
_ABSENT_GAP = 0.15
"""The distance of networks without a hyperparameter below its axis, as a fraction of its range."""
_BANDS = 5
"""The number of bands of accuracy, each with a colour and an entry of the legend."""
_JITTER = 0.06
"""The spread of trials with the same value, as a fraction of the axis."""
_GOLDEN = 0.6180339887

Value = HyperparameterValue | None


def shown_trials(study: StudyReader) -> list[TrialRecord]:
    """Return the trials of the chart by ascending accuracy: the front, and evenly spaced other complete trials."""
    on_front = {trial.number for trial in study.front_records}
    others = [trial for trial in complete_trials(study.records) if trial.number not in on_front]
    step = math.ceil(len(others) / max(MOST_LINES - len(on_front), 1)) or 1
    return sorted([*study.front_records, *others[::step]], key=accuracy)


def varied_hyperparameters(study: StudyReader, most: int | None = None) -> list[str]:
    """Return the hyperparameters with two or more values, the strongest effects first, at most ``most``."""
    complete = complete_trials(study.records)
    values: dict[str, set[Value]] = {}
    for trial in complete:
        for name, value in trial.hyperparameters.items():
            values.setdefault(name, set()).add(value)
    ranked = [effect.hyperparameter for effect in study.effects.hyperparameters]
    return [name for name in ranked if len(values.get(name, ())) > 1][:most]


@dataclass(frozen=True)
class Axis:
    """One axis: the position of each trial and of the ticks, from 0 to 1; below 0 without a value."""

    label: str
    positions: Sequence[float]
    ticks: Sequence[tuple[float, str]]
    texts: Sequence[str]


def parallel_axes(study: StudyReader, trials: Sequence[TrialRecord]) -> list[Axis]:
    """Return the axes of these trials: the strongest hyperparameters by name, the costs, the accuracy."""
    axes = [
        _axis(name, [trial.hyperparameters.get(name) for trial in trials])
        for name in sorted(varied_hyperparameters(study, MOST_HYPERPARAMETERS))
    ]
    for cost in study.objectives.shown:
        values = [cost.of(trial) for trial in trials]
        known = [None if math.isnan(value) else value for value in values]
        if any(value is not None for value in known):  # a device may be away during the whole search
            axes.append(_axis(cost.heading, known, is_continuous=True))
    percents = [round(100 * accuracy(trial), 2) for trial in trials]
    return [*axes, _axis("accuracy, %", percents, is_continuous=True)]


def parallel_chart(study: StudyReader) -> Chart:
    """Return the parallel coordinates of a study; colours show bands of accuracy.

    Conditional hyperparameters have an additional place below their axis for networks without them.
    """
    trials = shown_trials(study)
    axes = parallel_axes(study, trials)
    num_bands = min(_BANDS, len(trials))
    ends = [round(len(trials) * band / num_bands) for band in range(num_bands + 1)] if trials else []
    bands = [
        _band(trials[begin:end], range(begin, end), axes, round((RAMP - 1) * band / max(num_bands - 1, 1)))
        for band, (begin, end) in enumerate(pairwise(ends))
    ]
    shown = (-_ABSENT_GAP - 0.05, 1.05)
    places = {
        "side": "top",
        "showline": False,
        "ticks": "",
        "showgrid": False,
        "tickvals": list(range(len(axes))),
        "ticktext": [safe(axis.label) for axis in axes],
        "range": (-0.35, len(axes) - 0.5),
    }
    drawn = layout(
        shown,
        hovermode="closest",
        legend={"y": -0.02, "yanchor": "top"},
        margin={"r": 56},
        yaxis={"visible": False},
        xaxis=places,
        shapes=[_line(place) for place in range(len(axes))],
        annotations=[_tick(place, *tick) for place, axis in enumerate(axes) for tick in axis.ticks],
    )
    return Chart(figure_of(bands, drawn), shown, shown)


def _line(place: int) -> dict[str, Any]:
    """Return the vertical line of an axis."""
    line = {"color": "var(--ink-2)", "width": 1}
    return {"type": "line", "x0": place, "x1": place, "y0": 0, "y1": 1, "line": line}


def _tick(place: int, position: float, text: str) -> dict[str, Any]:
    """Return the label of a tick."""
    return {
        "x": place, "y": position, "text": safe(text), "showarrow": False, "xanchor": "left", "xshift": 3,
        "borderpad": 1, "bgcolor": "var(--card)", "opacity": 0.85, "font": {"size": 11, "color": "var(--ink)"},
    }  # fmt: skip


def _band(
    trials: Sequence[TrialRecord], places: Sequence[int], axes: Sequence[Axis], shade: int
) -> go.Scatter:
    """Return the lines of some trials as one trace; a gap separates them."""
    x: list[float | None] = []
    y: list[float | None] = []
    texts: list[str] = []
    for trial, place in zip(trials, places, strict=True):
        x += [*range(len(axes)), None]
        y += [*(round(axis.positions[place], 3) for axis in axes), None]
        texts += [
            *(f"trial {trial.number}: {safe(axis.texts[place])}" for axis in axes),
            "",
        ]
    low, high = (f"{100 * accuracy(trial):.1f}" for trial in (trials[0], trials[-1]))
    return go.Scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": f"var(--ramp-{shade})", "width": 1},
        opacity=0.55,
        name=f"{low} %" if low == high else f"{low} to {high} %",
        text=texts,
        hoverinfo="text",
    )


def _axis(label: str, values: Sequence[Value], *, is_continuous: bool = False) -> Axis:
    """Return one axis: words at equal distances, numbers on a linear or logarithmic scale.

    Few different numbers have a tick each, unless they ``is_continuous``.
    """
    known = [value for value in values if value is not None]
    if any(isinstance(value, str | bool) for value in known):
        words = sorted({_word(value) for value in known})
        scale = {word: (place + 0.5) / len(words) for place, word in enumerate(words)}
        positions = [None if value is None else scale[_word(value)] for value in values]
        ticks = [(place, word) for word, place in scale.items()]
        return _finished(label, positions, ticks, list(map(_word, values)), is_discrete=True)
    numbers = [float(value) for value in known]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    is_log = low > 0 and high > _LOG_FROM * low

    def place(value: float) -> float:
        if low == high:
            return 0.5
        return math.log(value / low) / math.log(high / low) if is_log else (value - low) / (high - low)

    distinct = sorted(set(numbers))
    is_discrete = len(distinct) == 1 or (len(distinct) <= _MOST_TICKS and not is_continuous)
    marks = distinct if is_discrete else log_ticks(low, high) if is_log else linear_ticks(low, high)
    return _finished(
        label,
        [None if value is None else place(float(value)) for value in values],
        [(place(mark), _word(mark)) for mark in marks],
        list(map(_word, values)),
        is_discrete=is_discrete,
    )


def _finished(
    label: str,
    positions: Sequence[float | None],
    ticks: Sequence[tuple[float, str]],
    texts: Sequence[str],
    *,
    is_discrete: bool,
) -> Axis:
    """Return the axis with a place for absent values, and with trials of equal values apart."""
    spread = [_JITTER * ((place * _GOLDEN) % 1 - 0.5) for place in range(len(positions))]
    found = [
        (-_ABSENT_GAP if position is None else position) + shift * (is_discrete or position is None)
        for position, shift in zip(positions, spread, strict=True)
    ]
    absent = [(-_ABSENT_GAP, ABSENT)] if None in positions else []
    return Axis(label, found, [*absent, *ticks], texts)


def _word(value: Value) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    return short_count(value) if value >= 1000 else f"{value:.4g}"
