"""The chart of the hypervolume over a search: against time, epochs or energy."""

from __future__ import annotations

from typing import Literal, get_args

import plotly.graph_objects as go

from results.plots.chart import Chart, layout
from results.search_progress import SearchProgress, Step, search_progress
from results.study import StudyReader
from space.core.errors import InvalidInputError, nearest, shown
from space.core.text import duration, figure, plural

Against = Literal["time", "epochs", "energy"]
"""The horizontal axes of the hypervolume."""
AGAINST: tuple[Against, ...] = get_args(Against)


def hypervolume_chart(
    study: StudyReader, against: Against = "time", progress: SearchProgress | None = None
) -> Chart:
    """Return the hypervolume with a step at each result.

    Args:
        study: The study.
        against: The horizontal axis: search ``time``, trained ``epochs`` or recorded ``energy``.
        progress: The steps of the study, if they are known already.

    Raises:
        InvalidInputError: ``against`` is unknown, or the study has no recorded energy.
    """
    if against not in AGAINST:
        names = ", ".join(AGAINST)
        raise InvalidInputError(
            f"against must be one of {names}, but got {shown(against)}{nearest(str(against), AGAINST)}"
        )
    progress = search_progress(study) if progress is None else progress
    if against == "energy" and not progress.num_with_energy:
        raise InvalidInputError(
            "no training of this study has a recorded energy, which needs an NVIDIA GPU; "
            "use against='time' or 'epochs'"
        )
    steps = progress.steps
    last = _amount(steps[-1], against) if steps else 0.0
    unit, scale = _unit(last, against)
    chart = go.Figure()
    chart.add_scatter(
        x=[0.0, *(_amount(step, against) / scale for step in steps)],
        y=[0.0, *(step.hypervolume for step in steps)],
        mode="lines",
        line={"shape": "hv", "color": "var(--front)", "width": 2},
        fill="tozeroy",
        fillcolor="var(--wash)",
        hovertext=["start", *(_hover_text(step, against) for step in steps)],
        hoverinfo="text",
    )
    top = max((step.hypervolume for step in steps), default=0.0) * 1.08 or 1.0
    chart.update_layout(layout((0.0, top)), showlegend=False, hovermode="x")
    chart.update_yaxes(ticksuffix="", nticks=6)
    title = {"time": f"search time ({unit})", "epochs": "epochs", "energy": f"energy of trainings ({unit})"}
    chart.update_xaxes(title_text=title[against], rangemode="tozero", nticks=7)
    return Chart(chart, (0.0, top), (0.0, top))


def _amount(step: Step, against: Against) -> float:
    return {"time": step.clock_s, "epochs": float(step.epochs), "energy": step.energy_j}[against]


def _hover_text(step: Step, against: Against) -> str:
    spent = {
        "time": duration(step.clock_s),
        "epochs": plural(step.epochs, "epoch"),
        "energy": f"{figure(step.energy_j)} J",
    }[against]
    return f"<b>{step.hypervolume:.4f}</b><br>{plural(step.num_results, 'result')} after {spent}"


def _unit(amount: float, against: Against) -> tuple[str, float]:
    """Return a unit for amounts of this order, and its size in seconds, epochs or joules."""
    if against == "time":
        return clock_unit(amount)
    if against == "epochs":
        return "epochs", 1.0
    for unit, size in (("kWh", 3.6e6), ("Wh", 3.6e3)):
        if amount >= size:
            return unit, size
    return "J", 1.0


def clock_unit(seconds: float) -> tuple[str, float]:
    """Return a unit for times of this order, and its length in seconds."""
    if seconds < 300:
        return "seconds", 1.0
    return ("minutes", 60.0) if seconds < 3 * 3600 else ("hours", 3600.0)
