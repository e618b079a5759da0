"""The plotly figures of a comparison: median lines with quartile bands, one colour for each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from results.plots.axes import log_range, log_ticks, short_cost
from results.plots.chart import safe
from results.storage.objectives import COSTS
from space.core.errors import InvalidInputError, shown

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# Okabe and Ito's palette, distinct for colour-blind readers and on light and dark pages
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c8c8c")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
AXES = {"epochs": "epochs of the search", "searched_s": "search time, s"}
GRID = "rgba(128, 128, 128, 0.25)"


def hypervolume_figure(
    history: pd.DataFrame, members: Mapping[str, Sequence[str]], against: str
) -> go.Figure:
    """Return the hypervolume of each method over ``against``, a key of ``AXES``.

    A study that has ended keeps its last value. ``members`` has the studies of each method; a study without a result
    counts as 0.
    """
    if against not in AXES:
        raise InvalidInputError(f"against must be one of {', '.join(AXES)}, but got {shown(against)}")
    import numpy as np

    end = float(history[against].max()) if len(history) else 1.0
    figure = _figure(AXES[against], "hypervolume in the common box")
    for place, (method, studies) in enumerate(members.items()):
        mine = history[history["study"].isin(list(studies))]
        xs = np.unique(np.concatenate([[0.0], mine[against].to_numpy(float), [end]]))
        found = [mine[mine["study"] == study] for study in studies]
        values = [_steps(xs, one[against], one["hypervolume"]) for one in found]
        low, middle, high = np.quantile(np.array(values), (0.25, 0.5, 0.75), axis=0)
        if len(values) > 1:
            _add_band(figure, xs, low, high, place)
        _add_line(figure, method, xs, middle, place)
    figure.update_yaxes(rangemode="tozero")
    return figure


def _steps(xs: Array, at: pd.Series, values: pd.Series) -> Array:
    """Return the latest of ``values`` at each of ``xs``; 0 before the first one."""
    import numpy as np

    places = np.searchsorted(at.to_numpy(float), xs, side="right")
    return np.concatenate([[0.0], values.to_numpy(float)])[places]


def attainment_figure(attainment: pd.DataFrame, methods: Sequence[str], cost_name: str) -> go.Figure:
    """Return accuracy against a cost: what half of the studies of each method attain, and the quartiles."""
    import numpy as np

    cost = COSTS[cost_name]
    shown_points = attainment[(attainment["cost"] == cost_name) & (attainment["value"] > 0)]
    figure = _figure(f"{cost.heading} (log scale)", "validation accuracy, %")
    if not len(shown_points):
        return figure
    values = np.unique(shown_points["value"])
    low, high = log_range([float(values[0]), float(values[-1])])
    xs = np.append(values, 10**high)
    for place, method in enumerate(methods):
        mine = shown_points[shown_points["method"] == method]
        lines = {level: _surface(xs, one) for level, one in mine.groupby("level")}
        if {0.25, 0.75} <= set(lines):
            _add_band(figure, xs, lines[0.75], lines[0.25], place)
        if 0.5 in lines:
            _add_line(figure, method, xs, lines[0.5], place)
    ticks = log_ticks(10**low, 10**high)
    texts = [short_cost(cost, tick) for tick in ticks]
    figure.update_xaxes(type="log", range=(low, high), tickvals=ticks, ticktext=texts)
    return figure


def _surface(xs: Array, points: pd.DataFrame) -> Array:
    """Return the accuracy in percent that a surface attains at each cost; NaN below its smallest cost."""
    import numpy as np

    places = np.searchsorted(points["value"].to_numpy(float), xs, side="right")
    return np.concatenate([[np.nan], 100 * (1 - points["error"].to_numpy(float))])[places]


def _figure(x_title: str, y_title: str) -> go.Figure:
    axis = {"gridcolor": GRID, "zeroline": False, "automargin": True}
    return go.Figure(
        layout={
            "template": None,
            "xaxis": {**axis, "title": {"text": x_title}},
            "yaxis": {**axis, "title": {"text": y_title}},
            "hovermode": "x unified",
            "legend": {"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
            "showlegend": True,
            "margin": {"l": 8, "r": 14, "t": 8, "b": 8},
        }
    )


def _add_band(figure: go.Figure, xs: Array, low: Array, high: Array, place: int) -> None:
    """Add the area between two step lines; x values where one of them is NaN are left out."""
    import numpy as np

    known = ~(np.isnan(low) | np.isnan(high))
    hidden = {"mode": "lines", "hoverinfo": "skip", "showlegend": False, "legendgroup": str(place)}
    shape = {"width": 0, "shape": "hv"}
    figure.add_scatter(x=xs[known].tolist(), y=low[known].tolist(), line=shape, **hidden)
    fill = {"fill": "tonexty", "fillcolor": _wash(COLOURS[place % len(COLOURS)])}
    figure.add_scatter(x=xs[known].tolist(), y=high[known].tolist(), line=shape, **fill, **hidden)


def _wash(colour: str) -> str:
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.18)"


def _add_line(figure: go.Figure, method: str, xs: Array, values: Array, place: int) -> None:
    import numpy as np

    known = ~np.isnan(values)
    figure.add_scatter(
        x=xs[known].tolist(),
        y=values[known].tolist(),
        mode="lines",
        name=safe(method),
        legendgroup=str(place),
        line={
            "color": COLOURS[place % len(COLOURS)],
            "dash": DASHES[place % len(DASHES)],
            "shape": "hv",
            "width": 2.2,
        },
        hovertemplate="%{y:.4g}",
    )
