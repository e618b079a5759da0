"""The chart of the hypervolume over a search."""

from __future__ import annotations

import plotly.graph_objects as go

from results.front import hypervolume_history
from results.plots.axes import plural
from results.plots.chart import Chart, layout
from results.study import StudyReader


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
    figure.update_layout(layout((0.0, top)), showlegend=False, hovermode="x")
    figure.update_yaxes(ticksuffix="", nticks=6)
    figure.update_xaxes(title_text=f"search time ({unit})", rangemode="tozero", nticks=7)
    return Chart(figure, (0.0, top), (0.0, top))


def clock_unit(seconds: float) -> tuple[str, float]:
    """Return a unit for times of this order, and its length in seconds."""
    if seconds < 300:
        return "seconds", 1.0
    return ("minutes", 60.0) if seconds < 3 * 3600 else ("hours", 3600.0)
