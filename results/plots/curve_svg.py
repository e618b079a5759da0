"""Curves of one network's trainings as a still picture: SVG text without a drawing library."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from results.plots.axes import Range, focus_range, linear_ticks, percent_ticks
from results.plots.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    bottom_axis,
    card,
    column_line,
    escape,
    row_line,
)

Curve = Sequence[float]
"""Validation accuracies from 0 to 1, after each epoch."""


def curve_svg(title: str, subtitle: str, curves: Sequence[Curve]) -> str:
    """Return the picture of one curve for each seed, of the same length, and of their mean."""
    percents = [[100 * value for value in curve] for curve in curves]
    means = [fmean(values) for values in zip(*percents, strict=True)]
    frame = _Frame(len(means), focus_range([value for curve in percents for value in curve]))
    lines = [_line(frame, means, "line")]
    if len(percents) > 1:
        lines = [_wash(frame, percents), *(_line(frame, curve, "thin") for curve in percents), *lines]
    parts = [*_axes(frame), *_cut(lines), *_last(frame, means[-1], len(percents))]
    return card(f"Training curves of {title}", title, subtitle, parts)


class _Frame:
    """Where epochs and accuracies (in per cent) lie in the picture, in pixels."""

    def __init__(self, epochs: int, y_range: Range) -> None:
        self.epochs = epochs
        self.y_range = y_range

    def x(self, epoch: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (epoch - 1) / max(self.epochs - 1, 1)

    def y(self, percent: float) -> float:
        low, high = self.y_range
        share = (percent - low) / (high - low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _axes(frame: _Frame) -> list[str]:
    parts = []
    for tick in percent_ticks(*frame.y_range):
        parts += row_line(frame.y(tick), f"{tick:g} %")
    ticks = linear_ticks(1, frame.epochs) if frame.epochs > 1 else [1.0]
    for tick in [tick for tick in ticks if tick == int(tick)]:
        parts += column_line(frame.x(tick), f"{tick:g}")
    return parts + bottom_axis("epoch")


def _cut(lines: list[str]) -> list[str]:
    """Return lines that end where the picture does: what lies below its range is not on its lower edge."""
    width, height = WIDTH - LEFT - RIGHT + 8, HEIGHT - TOP - BOTTOM + 8
    area = f'<rect x="{LEFT - 4}" y="{TOP - 8}" width="{width}" height="{height}"/>'
    return [f'<clipPath id="plot">{area}</clipPath>', '<g clip-path="url(#plot)">', *lines, "</g>"]


def _points(frame: _Frame, curve: Curve) -> list[str]:
    return [f"{frame.x(epoch):.1f},{frame.y(value):.1f}" for epoch, value in enumerate(curve, start=1)]


def _line(frame: _Frame, curve: Curve, kind: str) -> str:
    return f'<polyline class="{kind}" points="{" ".join(_points(frame, curve))}"/>'


def _wash(frame: _Frame, curves: Sequence[Curve]) -> str:
    """Return the area between the worst and the best seed."""
    columns = list(zip(*curves, strict=True))
    above = _points(frame, [max(column) for column in columns])
    below = _points(frame, [min(column) for column in columns])
    return f'<polygon class="wash" points="{" ".join([*above, *reversed(below)])}"/>'


def _last(frame: _Frame, mean: float, num_seeds: int) -> list[str]:
    x, y = frame.x(frame.epochs), frame.y(mean)
    text = f"{mean:.2f} %" if num_seeds == 1 else f"mean of {num_seeds} seeds: {mean:.2f} %"
    anchor, shift = ("end", -10) if frame.epochs > 1 else ("start", 10)
    return [
        f'<circle class="front" cx="{x:.1f}" cy="{y:.1f}" r="5.5"/>',
        f'<text class="label halo" x="{x + shift:.1f}" y="{max(y - 12, TOP - 4):.1f}" '
        f'text-anchor="{anchor}">{escape(text)}</text>',
    ]
