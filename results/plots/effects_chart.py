"""The chart of the effects of the hyperparameters: one row for each value, with its interval."""

from __future__ import annotations

import plotly.graph_objects as go

from results.effects import Effects
from results.plots.chart import Chart, layout, safe

_ROW = 22
"""The height of a row in pixels."""
_MARGIN = 90


def effects_chart(effects: Effects) -> Chart:
    """Return the effects at equal size in percentage points with 95 % intervals, the strongest first."""
    chart = go.Figure()
    rows = [
        (f"{effect.hyperparameter} = {value.label}", value, effect.p_value < 0.05)
        for effect in effects.hyperparameters
        for value in effect.values
    ]
    for name, is_clear, colour in (
        ("unlikely to be chance", True, "var(--front)"),
        ("may be chance", False, "var(--dim)"),
    ):
        chosen = [(label, value) for label, value, clear in rows if clear == is_clear]
        if not chosen:
            continue
        chart.add_scatter(
            name=name,
            x=[100 * value.effect for _, value in chosen],
            y=[safe(label) for label, _ in chosen],
            error_x={
                "type": "data",
                "array": [100 * (value.high - value.effect) for _, value in chosen],
                "arrayminus": [100 * (value.effect - value.low) for _, value in chosen],
                "thickness": 2,
                "width": 0,
            },
            mode="markers",
            marker={"color": colour, "size": 9},
            hovertext=[
                f"<b>{safe(label)}</b><br>{100 * value.effect:+.2f} points<br>95 % interval "
                f"{100 * value.low:+.2f} to {100 * value.high:+.2f}<br>n = {value.num_trials}"
                for label, value in chosen
            ],
            hoverinfo="text",
        )
    labels = [safe(label) for label, _, _ in rows]
    ends = (len(rows) - 0.5, -0.5)  # the first row on top
    chart.update_layout(layout(ends), height=_MARGIN + _ROW * max(len(rows), 1))
    chart.update_yaxes(type="category", categoryorder="array", categoryarray=labels)
    chart.update_yaxes(ticksuffix="", nticks=0, dtick=1)
    chart.update_xaxes(
        title_text="effect on validation accuracy at equal size, points (95 % interval)",
        zeroline=True,
        zerolinecolor="var(--ink-2)",
    )
    return Chart(chart, ends, ends)
