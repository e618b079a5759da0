"""The chart of the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from results.front import accuracy, complete_trials, pareto_front
from results.plots.axes import accuracies, focus_range, log_range, log_ticks, short_cost, whole_range
from results.plots.certified_trace import certified_trace
from results.plots.chart import Chart, layout, safe
from results.storage.objectives import COSTS, Cost, Objectives
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.text import short_count

GAP = "\u00a0"
"""The space between a mark and its name."""


def front_chart(study: StudyReader, cost: Cost = COSTS["params"]) -> Chart:
    """Return accuracy against a cost: trials, front, recommended network, knee, references, certified networks.

    Bars are 95 % intervals. The step line is the front of accuracy and this cost alone. In a study of several
    costs, points of the front can be below it.
    """
    front = [trial for trial in study.front_records if cost.of(trial) > 0]  # a logarithmic axis
    on_front = {t.number for t in front}
    trained = [t for t in complete_trials(study.records) if cost.of(t) > 0]
    others = [t for t in trained if t.number not in on_front]
    references = [trial for trial in complete_trials(study.references) if cost.of(trial) > 0]
    shown = [*front, *others, *references]
    networks = study.certification.networks if study.certification else ()
    certified = [network for network in networks if cost.of(network.trainings[0]) > 0]
    figure = go.Figure()
    _add_others(figure, others, cost)
    if front:
        _add_front(figure, study, front, trained, cost)
    if references:
        bars = _error_bars(study, references, "var(--knee)")
        figure.add_trace(_references(references, cost, _values(shown, cost)).update(error_y=bars))
    if certified:
        figure.add_trace(certified_trace(certified, cost))
    tests = [100 * end for network in certified for end in (network.test.low, network.test.high)]
    focus = focus_range([*accuracies(shown), *tests], keep=[*accuracies([*front, *references]), *tests])
    low, high = log_range([*_values(shown, cost), *(cost.of(network.trainings[0]) for network in certified)])
    ticks = log_ticks(10**low, 10**high)
    figure.update_layout(layout(focus))
    figure.update_xaxes(
        type="log",
        range=(low, high),
        tickvals=ticks,
        ticktext=[short_cost(cost, tick) for tick in ticks],
        title_text=f"{cost.title} (log scale)",
    )
    return Chart(figure, focus, whole_range([*accuracies(shown), *tests]))


def _add_others(figure: go.Figure, others: Sequence[TrialRecord], cost: Cost) -> None:
    """Add the trials off the front: crosses, and open circles for those that stopped early."""
    full = [t for t in others if t.epochs >= t.max_epochs]
    stopped = [t for t in others if t.epochs < t.max_epochs]
    for name, trials, symbol in (("other trials", full, "x-thin"), ("stopped early", stopped, "circle-open")):
        if trials:
            line = {"width": 1.5, "color": "var(--dim)"}
            marker = {"color": "var(--dim)", "size": 7, "symbol": symbol, "line": line}
            figure.add_trace(_points(name, trials, marker, cost))


def _add_front(
    figure: go.Figure,
    study: StudyReader,
    front: Sequence[TrialRecord],
    trained: Sequence[TrialRecord],
    cost: Cost,
) -> None:
    """Add the step line, the points of the front, and the marks of the recommended network and the knee."""
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
    figure.add_trace(_points("front", front, marker, cost).update(error_y=_error_bars(study, front)))
    if (recommended := study.recommended) is not None and recommended in front:
        square = {"color": "var(--front)", "size": 18, "symbol": "square-open", "line": {"width": 2}}
        figure.add_trace(_points("recommended", [recommended], square, cost).update(hoverinfo="skip"))
    if (knee := study.knee) is not None and knee in front:
        ring = {"color": "var(--knee)", "size": 18, "symbol": "circle-open", "line": {"width": 2.5}}
        figure.add_trace(_points("knee", [knee], ring, cost).update(hoverinfo="skip"))


def describe_trial(trial: TrialRecord, costs: Sequence[Cost] = ()) -> str:
    """Return the hover text of a complete trial, in plotly's subset of HTML.

    Args:
        trial: The trial.
        costs: Costs to show besides parameters and MACs.
    """
    reference = [f"reference {safe(trial.reference)}"] if trial.reference is not None else []
    lines = [
        f"<b>{safe(trial.notation)}</b>",
        *reference,
        f"{100 * accuracy(trial):.2f} % validation accuracy",
        f"{trial.params:,} parameters · {short_count(trial.macs)} MACs",
        *(
            f"{cost.text(cost.of(trial))} {cost.unit} of {cost.title}"
            for cost in costs
            if cost.name not in ("params", "macs")
        ),
        f"trial {trial.number} · {trial.epochs} of {trial.max_epochs} epochs",
        f"arch {safe(trial.arch)}",
    ]
    return "<br>".join(lines)


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
        customdata=[t.number for t in trials],
    )


def _error_bars(
    study: StudyReader, trials: Sequence[TrialRecord], color: str = "var(--front)"
) -> dict[str, Any] | None:
    """Return the 95 % intervals of the accuracies in percent; None where they are unavailable."""
    found = [study.header.sampling.interval(accuracy(trial)) for trial in trials]
    intervals = [interval for interval in found if interval is not None]
    if len(intervals) < len(trials):
        return None
    pairs = list(zip(accuracies(trials), intervals, strict=True))
    return {
        "array": [100 * high - value for value, (_, high) in pairs],
        "arrayminus": [value - 100 * low for value, (low, _) in pairs],
        "symmetric": False,
        "type": "data",
        "color": color,
        "thickness": 1,
        "width": 4,
    }


def _references(references: Sequence[TrialRecord], cost: Cost, costs: Sequence[float]) -> go.Scatter:
    """Return labelled diamonds for the reference networks.

    Labels point towards the middle of ``costs``, the costs of all points, where there is space for them.
    """
    middle = math.sqrt(min(costs) * max(costs))
    is_right = [cost.of(trial) > middle for trial in references]
    names = [safe(str(trial.reference)) for trial in references]
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
