"""The chart of one learning curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from results.plots.axes import focus_range, whole_range
from results.plots.chart import Chart, figure_of, layout
from space.core.reports import EpochReport


def curve_chart(reports: Sequence[EpochReport]) -> Chart:
    """Return the validation accuracy after each epoch of one training."""
    values = [round(100 * report.val_accuracy, 3) for report in reports]
    curve = go.Scatter(
        x=[report.epoch for report in reports],
        y=values,
        mode="lines+markers" if len(values) <= 30 else "lines",
        line={"color": "var(--front)", "width": 2},
        hovertemplate="epoch %{x}: %{y:.2f} %<extra></extra>",
    )
    focus = focus_range(values[len(values) // 3 :])
    epochs: dict[str, Any] = {"title": {"text": "epoch"}, "nticks": 8, "tickformat": "d"}
    if len(values) <= 8:
        epochs["dtick"] = 1  # plotly would label fractions of epochs
    figure = figure_of([curve], layout(focus, showlegend=False, xaxis=epochs))
    return Chart(figure, focus, whole_range(values))
