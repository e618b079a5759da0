"""The charts of the report as plotly figures; their colours are CSS variables of the page."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from results.front import accuracy, complete_trials, hypervolume_history, pareto_front
from results.plots.axes import (
    Range,
    accuracies,
    focus_range,
    log_range,
    log_ticks,
    plural,
    short_cost,
    short_count,
    whole_range,
)
from results.storage.objectives import COSTS, Cost, Objectives
from results.storage.records import TrialRecord
from results.study import StudyReader

GAP = "\u00a0"
"""The space between a mark and its name."""
RAMP = 7
"""The number of shades from the smallest network to the largest: the variables --ramp-0 to --ramp-6."""

_DASHES: tuple[tuple[int, ...], ...] = ((), (9, 4), (2, 3), (9, 3, 2, 3), (16, 4), (16, 3, 2, 3, 2, 3))


@dataclass(frozen=True)
class Chart:
    """A figure with two ranges of its vertical axis: ``focus``, the initial one, and ``everything``."""

    figure: go.Figure
    focus: Range
    everything: Range

    def to_dict(self) -> dict[str, Any]:
        """Return the chart as plain data for the page's script."""
        figure = self.figure.to_plotly_json()
        return {
            "data": figure["data"],
            "layout": figure["layout"],
            "focus": self.focus,
            "everything": self.everything,
        }


def front_chart(study: StudyReader, cost: Cost = COSTS["params"]) -> Chart:
    """Return accuracy against a cost: complete trials, front, recommended network, knee and references.

    The step line is the front of accuracy and this cost alone. In a study of several costs, points of the front
    can be below it.
    """
    front = [trial for trial in study.front_records if cost.of(trial) > 0]  # a logarithmic axis
    on_front = {t.number for t in front}
    trained = [t for t in complete_trials(study.records) if cost.of(t) > 0]
    others = [t for t in trained if t.number not in on_front]
    figure = go.Figure()
    full = [t for t in others if t.epochs >= t.max_epochs]
    stopped = [t for t in others if t.epochs < t.max_epochs]
    for name, trials, symbol in (("other trials", full, "circle"), ("stopped early", stopped, "circle-open")):
        if trials:
            marker = {"color": "var(--dim)", "size": 7, "symbol": symbol}
            figure.add_trace(_points(name, trials, marker, cost))
    if front:
        steps = pareto_front(trained, Objectives.named((cost.name,)))
        figure.add_scatter(
            x=[*_values(steps, cost), max(_values(trained, cost))],
            y=[*accuracies(steps), accuracies(steps)[-1]],
            mode="lines",
            line={"shape": "hv", "color": "var(--front)", "width": 2},
            hoverinfo="skip",
            showlegend=False,
        )
        marker = {"color": "var(--front)", "size": 10, "line": {"color": "var(--card)", "width": 1.5}}
        figure.add_trace(_points("front", front, marker, cost))
    if study.recommended in front:
        square = {"color": "var(--front)", "size": 18, "symbol": "square-open", "line": {"width": 2}}
        figure.add_trace(_points("recommended", [study.recommended], square, cost).update(hoverinfo="skip"))
    if study.knee is not None:
        ring = {"color": "var(--knee)", "size": 18, "symbol": "circle-open", "line": {"width": 2.5}}
        figure.add_trace(_points("knee", [study.knee], ring, cost).update(hoverinfo="skip"))
    references = [trial for trial in complete_trials(study.references) if cost.of(trial) > 0]
    shown = [*front, *others, *references]
    if references:
        figure.add_trace(_references(references, cost, _values(shown, cost)))
    values = accuracies(shown)
    focus = focus_range(values, keep=accuracies([*front, *references]))
    low, high = log_range(_values(shown, cost))
    ticks = log_ticks(10**low, 10**high)
    figure.update_layout(_layout(focus))
    figure.update_xaxes(
        type="log",
        range=(low, high),
        tickvals=ticks,
        ticktext=[short_cost(cost, tick) for tick in ticks],
        title_text=f"{cost.title} (log scale)",
    )
    return Chart(figure, focus, whole_range(values))


def hypervolume_chart(study: StudyReader) -> Chart:
    """Return the hypervolume over search time, with a step at each complete trial."""
    history = hypervolume_history(study.records, study.objectives)
    unit, scale = clock_unit(history[-1][0] if history else 0.0)
    counts = [f"{plural(n, 'trial')} finished" for n in range(1, len(history) + 1)]
    figure = go.Figure()
    figure.add_scatter(
        x=[0.0, *(clock / scale for clock, _ in history)],
        y=[0.0, *(volume for _, volume in history)],
        mode="lines",
        line={"shape": "hv", "color": "var(--front)", "width": 2},
        fill="tozeroy",
        fillcolor="var(--wash)",
        hovertext=[
            "start",
            *(f"<b>{v:.4f}</b><br>{n} after {c:.0f} s" for n, (c, v) in zip(counts, history, strict=True)),
        ],
        hoverinfo="text",
    )
    top = max((volume for _, volume in history), default=0.0) * 1.08 or 1.0
    figure.update_layout(_layout((0.0, top)), showlegend=False, hovermode="x")
    figure.update_yaxes(ticksuffix="", nticks=6)
    figure.update_xaxes(title_text=f"search time ({unit})", rangemode="tozero", nticks=7)
    return Chart(figure, (0.0, top), (0.0, top))


def clock_unit(seconds: float) -> tuple[str, float]:
    """Return a unit for times of this order, and its length in seconds."""
    if seconds < 300:
        return "seconds", 1.0
    return ("minutes", 60.0) if seconds < 3 * 3600 else ("hours", 3600.0)


def curves_chart(study: StudyReader) -> Chart:
    """Return the learning curves of the front; networks differ in shade and dashes."""
    figure = go.Figure()
    late: list[float] = []
    every: list[float] = []
    longest = 0
    for place, trial in enumerate(study.front_records):
        reports = study.reports.get(trial.number, [])
        values = [100 * report.val_accuracy for report in reports]
        every += values
        longest = max(longest, len(values))
        late += values[len(values) // 3 :]
        head = (
            f"<b>{_safe(trial.notation)}</b><br>trial {trial.number} · {short_count(trial.params)} parameters"
        )
        figure.add_scatter(
            x=[report.epoch for report in reports],
            y=values,
            mode="lines+markers" if len(values) == 1 else "lines",
            line={"color": shade(place, len(study.front_records)), "width": 2, "dash": dashes(place, "px")},
            name=curve_name(trial),
            hovertext=[f"{head}<br>epoch {r.epoch}: {100 * r.val_accuracy:.2f} %" for r in reports],
            hoverinfo="text",
        )
    focus = focus_range(late)
    figure.update_layout(_layout(focus), showlegend=False)
    figure.update_xaxes(title_text="epoch", nticks=8, tickformat="d")
    if 0 < longest <= 8:
        figure.update_xaxes(dtick=1)  # plotly would label fractions of epochs
    return Chart(figure, focus, whole_range(every))


def shade(place: int, count: int) -> str:
    """Return the CSS colour of network ``place`` of ``count``, by ascending size."""
    return f"var(--ramp-{round((RAMP - 1) * place / max(count - 1, 1))})"


def dashes(place: int, unit: str = "") -> str:
    """Return the lengths of the dashes and gaps of curve ``place``.

    Up to 36 curves have different combinations of shade and dashes.
    """
    pattern = _DASHES[place % len(_DASHES)]
    return ",".join(f"{length}{unit}" for length in pattern) if pattern else "solid" if unit else "none"


def curve_name(trial: TrialRecord) -> str:
    """Return the label of a curve in legends: trial and parameters."""
    return f"#{trial.number} · {short_count(trial.params)}"


def describe_trial(trial: TrialRecord, costs: Sequence[Cost] = ()) -> str:
    """Return the hover text of a complete trial, in plotly's subset of HTML.

    Args:
        trial: The trial.
        costs: Costs to show besides parameters and MACs.
    """
    reference = [f"reference {_safe(trial.reference)}"] if trial.reference is not None else []
    lines = [
        f"<b>{_safe(trial.notation)}</b>",
        *reference,
        f"{100 * accuracy(trial):.2f} % validation accuracy",
        f"{trial.params:,} parameters · {short_count(trial.macs)} MACs",
        *(
            f"{cost.text(cost.of(trial))} {cost.unit} of {cost.title}"
            for cost in costs
            if cost.name not in ("params", "macs")
        ),
        f"trial {trial.number} · {trial.epochs} of {trial.max_epochs} epochs",
        f"arch {_safe(trial.arch)}",
    ]
    return "<br>".join(lines)


def _safe(text: str) -> str:
    return html.escape(text, quote=False)


def _values(trials: Sequence[TrialRecord], cost: Cost) -> list[float]:
    return [cost.of(trial) for trial in trials]


def _points(name: str, trials: Sequence[TrialRecord], marker: dict[str, Any], cost: Cost) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=_values(trials, cost),
        y=accuracies(trials),
        mode="markers",
        marker=marker,
        hovertext=[describe_trial(t, (cost,)) for t in trials],
        hoverinfo="text",
    )


def _references(references: Sequence[TrialRecord], cost: Cost, costs: Sequence[float]) -> go.Scatter:
    """Return labelled diamonds for the reference networks.

    Labels point towards the middle of ``costs``, the costs of all points, where there is space for them.
    """
    middle = math.sqrt(min(costs) * max(costs))
    is_right = [cost.of(trial) > middle for trial in references]
    names = [_safe(str(trial.reference)) for trial in references]
    marker = {"color": "var(--knee)", "size": 11, "symbol": "diamond-open", "line": {"width": 2}}
    trace = _points("references", references, marker, cost)
    trace.update(
        mode="markers+text",
        text=[
            f"{name}{GAP}" if right else f"{GAP}{name}" for name, right in zip(names, is_right, strict=True)
        ],
        textposition=[f"middle {'left' if right else 'right'}" for right in is_right],
        textfont={"size": 12, "color": "var(--ink-2)"},
        cliponaxis=False,
    )
    return trace


def _layout(focus: Range) -> dict[str, Any]:
    axis = {
        "gridcolor": "var(--grid)",
        "linecolor": "var(--line)",
        "zeroline": False,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    return {
        # the default template adds kilobytes to each figure
        "template": None,
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": "var(--ink-2)"},
        "margin": {"l": 8, "r": 14, "t": 8, "b": 8},
        "xaxis": {**axis, "showline": True, "ticks": "outside", "tickcolor": "var(--line)"},
        "yaxis": {**axis, "range": focus, "ticksuffix": " %", "nticks": 8},
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "itemsizing": "constant"},
        "hoverlabel": {
            "bgcolor": "var(--card)",
            "bordercolor": "var(--line)",
            "font": {"color": "var(--ink)", "size": 13},
            "align": "left",
        },
        "uirevision": "kept",
    }
