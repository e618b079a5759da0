"""Quantile bands over time as a static SVG chart, each with its name at its end."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from results.plots.axes import linear_ticks
from results.plots.svg import BOTTOM, HEIGHT, Axis, SvgChart

QuantileBand = Sequence[tuple[float, float, float, float]]
"""(time, lower quantile, median, upper quantile), by ascending time; values from 0 to 1."""
NAMES = 190
"""The margin for the names at the right, in pixels."""
COLOURS = ("#0b6bcb", "#d9480f", "#2b8a3e", "#9c36b5", "#5f6d7b", "#b08900", "#0c8599", "#c2255c")
LEAST_GAP = 15.0
"""The distance between two names, in pixels."""


def quantile_bands_svg(
    title: str, subtitle: str, bands: Mapping[str, QuantileBand], time_unit: str, lowest: float = 0.7
) -> str:
    """Return the chart as SVG text.

    Args:
        title: the heading.
        subtitle: the line below it.
        bands: the bands by their names.
        time_unit: the unit of time, for the title of the axis.
        lowest: the lower end of the vertical axis; lower values lie on it.
    """
    longest = max(band[-1][0] for band in bands.values())
    chart = SvgChart(
        Axis(0.0, longest, linear_ticks(0.0, longest), "{:g}".format, f"time of training, {time_unit}"),
        Axis(lowest, 1.0, [tick / 100 for tick in linear_ticks(100 * lowest, 100.0)], _percent),
        right=NAMES,
        style=_style(len(bands)),
    )
    ends = []
    for index, band in enumerate(bands.values()):
        times, *quantiles = zip(*band, strict=True)
        lows, medians, highs = ([max(value, lowest) for value in values] for values in quantiles)
        chart.band(times, lows, highs, f"b{index}")
        chart.line(times, medians, f"l{index}")
        ends.append(chart.y(medians[-1]))
    for index, (name, y) in enumerate(zip(bands, _spread(ends), strict=True)):
        chart.label(chart.right + 8, y + 4, name, f"n{index}")
    return chart.render(title, subtitle)


def _percent(value: float) -> str:
    return f"{100 * value:g} %"


def _style(count: int) -> str:
    rules = []
    for index in range(count):
        colour = COLOURS[index % len(COLOURS)]
        rules.append(
            f".b{index} {{ fill: {colour}; fill-opacity: 0.12 }} .l{index} {{ fill: none; stroke: {colour}; "
            f"stroke-width: 2; stroke-linejoin: round }} .n{index} {{ fill: {colour}; font-size: 12px }}"
        )
    return " ".join(rules)


def _spread(positions: Sequence[float]) -> list[float]:
    """Return positions moved apart to a distance of ``LEAST_GAP``, all above the lower edge."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    moved = list(positions)
    for before, after in itertools.pairwise(order):
        moved[after] = max(moved[after], moved[before] + LEAST_GAP)
    excess = max(0.0, max(moved) - (HEIGHT - BOTTOM)) if moved else 0.0
    return [position - excess for position in moved]
