"""What all charts of the report share: plotly figures whose colours are CSS variables of the page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from results.plots.axes import Range


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


def safe(text: str) -> str:
    """Return text for a label or a hover text: plotly reads a subset of HTML."""
    return html.escape(text, quote=False)


def figure_of(traces: Sequence[go.Scatter], drawn: dict[str, Any]) -> go.Figure:
    """Return a figure in one step, several times as fast as with ``update_layout``.

    Args:
        traces: Its traces.
        drawn: Its layout; ``layout`` returns one.
    """
    return go.Figure(traces, drawn | {"template": {}})  # None would become the default template


def layout(focus: Range, **changes: Any) -> dict[str, Any]:
    """Return the layout of a chart whose vertical axis is in percent and initially shows ``focus``.

    Args:
        focus: The range of the vertical axis.
        changes: Further fields; nested ones replace only the values that they name.
    """
    axis = {
        "gridcolor": "var(--grid)",
        "linecolor": "var(--line)",
        "zeroline": False,
        "automargin": True,
        "title": {"standoff": 8, "font": {"size": 13}},
    }
    fields = {
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
    return _merged(fields, changes)


def _merged(fields: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    nested = {
        name: _merged(fields[name], value)
        for name, value in changes.items()
        if isinstance(value, dict) and isinstance(fields.get(name), dict)
    }
    return fields | changes | nested
