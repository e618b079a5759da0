"""The hypervolume of samplers along the trials of a problem, as an SVG chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import quantiles
from typing import Any

from benchmarks.optuna_studies.table import EVERY
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
APART = 15.0
"""Smallest distance of two names in pixels."""


def picture(runs: Sequence[dict[str, Any]], problem: str) -> str:
    """Return the medians over the seeds, with the quartiles as bands, as SVG text."""
    here = [run for run in runs if run["problem"] == problem]
    best = here[0]["best"]
    curves = {name: [run["hypervolume"] for run in here if run["sampler"] == name] for name in COLOURS}
    top = best or max(max(middle_curves(found)[2]) for found in curves.values() if len(found) > 1)
    curves = {name: [[value / top for value in one] for one in found] for name, found in curves.items()}
    trials = [EVERY * (place + 1) for place in range(len(here[0]["hypervolume"]))]
    return draw(problem, curves, trials, "trials", f"Samplers on {problem}")


def draw(
    title: str,
    curves: Mapping[str, Sequence[Sequence[float]]],
    places: Sequence[float],
    unit: str,
    description: str,
    colours: Mapping[str, str] = COLOURS,
) -> str:
    """Return curves as SVG text: medians over the seeds as lines, quartiles as bands.

    Args:
        title: The title.
        curves: Values along ``places`` for each seed, by the name of the line; of at least two seeds, or left out.
        places: Values of the horizontal axis, ascending.
        unit: The label of that axis.
        description: The text for readers who cannot see the picture.
        colours: Colours by name. Their order is that of the lines.
    """
    found = {name: middle_curves(curves[name]) for name in colours if len(curves.get(name, ())) > 1}
    low = min(middle[min(1, len(middle) - 1)] for _, middle, _ in found.values())
    chart = SvgChart(
        Axis(places[0], places[-1], linear_ticks(places[0], places[-1]), "{:g}".format, unit),
        Axis(low, 1.0, linear_ticks(low, 1.0), "{:.3g}".format),
        right=20 + 6.5 * max(23, *map(len, found)),
        style=STYLE + "".join(_style(index, colour) for index, colour in enumerate(colours.values())),
        is_clipped=True,
    )
    ends = []
    for index, name in enumerate(colours):
        if name not in found:
            continue
        lows, middle, highs = found[name]
        there = places[: len(middle)]
        chart.band(there, lows, highs, f"band{index}")
        chart.line(there, middle, f"line{index}")
        ends.append((chart.y(middle[-1]), name, index))
    top = 0.0
    for height, name, index in sorted(ends):
        top = max(top + APART, height + 4)
        chart.label(chart.right + 8, top, name, kind=f"name{index}")
    seeds = sorted({len(curves[name]) for name in found})
    span = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"{seeds[0]}"
    subtitle = f"hypervolume as a fraction of the best, median and quartiles of {span} seeds"
    return chart.render(title, subtitle, description)


def middle_curves(curves: Sequence[Sequence[float]]) -> tuple[list[float], list[float], list[float]]:
    """Return the lower quartile, the median and the upper quartile of several curves along their places."""
    columns = zip(*curves, strict=True)
    low, middle, high = zip(*(quantiles(column, n=4, method="inclusive") for column in columns), strict=True)
    return list(low), list(middle), list(high)


def _style(index: int, colour: str) -> str:
    return (
        f" .line{index} {{ fill: none; stroke: {colour}; stroke-width: 2 }} .band{index} {{ fill: {colour}; "
        f"fill-opacity: 0.12 }} .name{index} {{ fill: {colour}; font-size: 12px }}"
    )
