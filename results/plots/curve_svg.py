"""The learning curves of one network as a static SVG chart: one curve for each seed, and their mean."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from results.plots.axes import focus_range, linear_ticks, percent_ticks
from results.plots.svg import TOP, Axis, SvgChart

Curve = Sequence[float]
"""Validation accuracies from 0 to 1, after each epoch."""


def curve_svg(title: str, subtitle: str, curves: Sequence[Curve]) -> str:
    """Return the chart as SVG text.

    Args:
        title: the heading.
        subtitle: the line below it.
        curves: one curve for each seed, all of the same length; with several, the chart also shows their mean
            and the band from the worst to the best.
    """
    percents = [[100 * value for value in curve] for curve in curves]
    columns = list(zip(*percents, strict=True))
    means = [fmean(column) for column in columns]
    epochs = list(range(1, len(means) + 1))
    chart = SvgChart(_epoch_axis(len(means)), _accuracy_axis(percents), is_clipped=True)
    if len(percents) > 1:
        chart.band(epochs, list(map(min, columns)), list(map(max, columns)), "wash")
        for curve in percents:
            chart.line(epochs, curve, "thin")
    chart.line(epochs, means, "line")
    chart.point(epochs[-1], means[-1], "front", 5.5)
    text = f"{means[-1]:.2f} %"
    if len(percents) > 1:
        text = f"mean of {len(percents)} seeds: {text}"
    anchor, shift = ("end", -10) if len(epochs) > 1 else ("start", 10)
    chart.label(chart.x(epochs[-1]) + shift, max(chart.y(means[-1]) - 12, TOP - 4), text, anchor=anchor)
    return chart.render(title, subtitle, f"Training curves of {title}")


def _epoch_axis(num_epochs: int) -> Axis:
    ticks = linear_ticks(1, num_epochs) if num_epochs > 1 else [1.0]
    whole = [tick for tick in ticks if tick == int(tick)]
    return Axis(1, max(num_epochs, 2), whole, "{:g}".format, "epoch")


def _accuracy_axis(percents: Sequence[Curve]) -> Axis:
    low, high = focus_range([value for curve in percents for value in curve])
    return Axis(low, high, percent_ticks(low, high), "{:g} %".format)
