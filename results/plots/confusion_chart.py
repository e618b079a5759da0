"""The chart of a confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from results.plots.chart import Chart, layout, safe

MOST_NUMBERS = 15
"""Up to this number of classes, the cells show their numbers."""


def confusion_chart(classes: Sequence[str], confusion: Sequence[Sequence[int]]) -> Chart:
    """Return a confusion matrix as a heat map: true classes as rows, predicted classes as columns.

    A cell's colour is its share of the row, its number the count of images.
    """
    totals = [max(sum(row), 1) for row in confusion]
    figure = go.Figure()
    figure.add_heatmap(
        x=[safe(name) for name in classes],
        y=[safe(name) for name in classes],
        z=[
            [round(100 * count / total, 2) for count in row]
            for row, total in zip(confusion, totals, strict=True)
        ],
        text=[[str(count) for count in row] for row in confusion],
        texttemplate="%{text}" if len(classes) <= MOST_NUMBERS else "",
        hovertemplate="true %{y}, predicted %{x}: %{text} images, %{z:.1f} % of the class<extra></extra>",
        colorscale=[[0, "var(--card)"], [1, "var(--front)"]],
        zmin=0,
        zmax=100,
        showscale=False,
        xgap=1,
        ygap=1,
    )
    ends = (len(classes) - 0.5, -0.5)
    figure.update_layout(layout(ends), showlegend=False)
    figure.update_xaxes(title_text="predicted class", type="category")
    figure.update_yaxes(title_text="true class", type="category", ticksuffix="", nticks=len(classes))
    return Chart(figure, ends, ends)
