"""The hypervolume of samplers along the trials of a problem, as an SVG chart."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import quantiles
from typing import Any

from results.plots.axes import linear_ticks
from results.plots.svg import STYLE, Axis, SvgChart

COLOURS = {
    "frontier, costs known": "#0b6bcb",
    "frontier": "#58a6ff",
    "tpe, costs known": "#2f9e44",
    "tpe multivariate": "#d9480f",
    "tpe": "#e8a33d",
    "nsga2": "#7a5195",
    "random": "#7b8794",
}
"""Colour-blind-safe with the order of the lines and their names at the end."""
EVERY = 5
APART = 15.0
"""Smallest distance of two names in pixels."""


def picture(runs: Sequence[dict[str, Any]], problem: str) -> str:
    """Return the medians over the seeds, with the quartiles as bands, as SVG text."""
    here = [run for run in runs if run["problem"] == problem]
    curves = {name: _curves([run for run in here if run["sampler"] == name]) for name in COLOURS}
    curves = {name: found for name, found in curves.items() if found}
    best = here[0]["best"] or max(max(high) for _, _, high in curves.values())
    count = len(here[0]["hypervolume"])
    low = min(middle[1] for _, middle, _ in curves.values()) / best
    chart = SvgChart(
        Axis(EVERY, EVERY * count, linear_ticks(EVERY, EVERY * count), "{:g}".format, "trials"),
        Axis(low, 1.0, linear_ticks(low, 1.0), "{:.3g}".format),
        right=170,
        style=STYLE + "".join(_style(index, colour) for index, colour in enumerate(COLOURS.values())),
        is_clipped=True,
    )
    trials = [EVERY * (place + 1) for place in range(count)]
    ends = []
    for index, name in enumerate(COLOURS):
        if name not in curves:
            continue
        lows, middle, highs = ([value / best for value in one] for one in curves[name])
        chart.band(trials, lows, highs, f"band{index}")
        chart.line(trials, middle, f"line{index}")
        ends.append((chart.y(middle[-1]), name, index))
    top = 0.0
    for height, name, index in sorted(ends):
        top = max(top + APART, height + 4)
        chart.label(chart.right + 8, top, name, kind=f"name{index}")
    seeds = max(sum(run["sampler"] == name for run in here) for name in curves)
    subtitle = f"hypervolume as a fraction of the best, median and quartiles of {seeds} seeds"
    return chart.render(problem, subtitle, f"Samplers on {problem}")


def _curves(runs: Sequence[dict[str, Any]]) -> tuple[list[float], list[float], list[float]] | None:
    """Return the lower quartile, the median and the upper quartile along the trials; None of a single seed."""
    if len(runs) < 2:
        return None
    columns = zip(*(run["hypervolume"] for run in runs), strict=True)
    low, middle, high = zip(*(quantiles(column, n=4, method="inclusive") for column in columns), strict=True)
    return list(low), list(middle), list(high)


def _style(index: int, colour: str) -> str:
    return (
        f" .line{index} {{ fill: none; stroke: {colour}; stroke-width: 2 }} .band{index} {{ fill: {colour}; "
        f"fill-opacity: 0.12 }} .name{index} {{ fill: {colour}; font-size: 12px }}"
    )
