"""The chart of the rungs: the accuracies of the trials that reached each one."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from results.plots.axes import whole_range
from results.plots.chart import Chart, layout
from results.rungs import Rung
from space.core.text import plural

_MOST_POINTS = 30
"""The largest number of trials at a rung that are drawn as points besides the box."""


def rungs_chart(rungs: Sequence[Rung]) -> Chart:
    """Return a box of the accuracies at each rung: quartiles, median, lowest and highest value."""
    chart = go.Figure()
    every: list[float] = []
    reached = [rung for rung in rungs if rung.num_trials]
    for rung in reached:
        values = sorted(100 * value for value in rung.accuracies.values())
        low, middle, high = (100 * value for value in rung.quartiles() or (0.0, 0.0, 0.0))
        every += values
        label = _label(rung)
        chart.add_box(
            x=[label],
            q1=[low],
            median=[middle],
            q3=[high],
            lowerfence=values[:1],
            upperfence=values[-1:],
            name=f"epoch {rung.epoch}",
            line={"color": "var(--front)", "width": 1.5},
            fillcolor="var(--wash)",
            width=0.5,
            hoverinfo="y",
            yhoverformat=".2f",
        )
        if len(values) <= _MOST_POINTS:
            chart.add_scatter(
                x=[label] * len(values),
                y=[100 * value for value in rung.accuracies.values()],
                mode="markers",
                marker={"color": "var(--dim)", "size": 6},
                hovertext=[
                    f"trial {number}: {100 * value:.2f} %" for number, value in rung.accuracies.items()
                ],
                hoverinfo="text",
            )
    ends = whole_range(every)
    chart.update_layout(layout(ends), showlegend=False)
    chart.update_xaxes(type="category", title_text="rung")
    return Chart(chart, ends, ends)


def _label(rung: Rung) -> str:
    return f"epoch {rung.epoch}<br>{plural(rung.num_trials, 'trial')}"
