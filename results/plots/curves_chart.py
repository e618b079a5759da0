"""The chart of the learning curves of a front."""

from __future__ import annotations

import plotly.graph_objects as go

from results.plots.axes import focus_range, whole_range
from results.plots.chart import Chart, layout, safe
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.text import short_count

RAMP = 7
"""The number of shades from the smallest network to the largest: the variables --ramp-0 to --ramp-6."""

_DASHES: tuple[tuple[int, ...], ...] = ((), (9, 4), (2, 3), (9, 3, 2, 3), (16, 4), (16, 3, 2, 3, 2, 3))


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
            f"<b>{safe(trial.notation)}</b><br>trial {trial.number} · {short_count(trial.params)} parameters"
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
    figure.update_layout(layout(focus), showlegend=False)
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
