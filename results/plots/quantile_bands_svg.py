"""Several curves over time with their bands as a still picture, each named at its end."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from results.plots.axes import linear_ticks
from results.plots.svg import (
    BOTTOM,
    HEIGHT,
    LEFT,
    TOP,
    WIDTH,
    bottom_axis,
    card,
    column_line,
    escape,
    row_line,
)

Band = Sequence[tuple[float, float, float, float]]
"""(time, lower end, middle, upper end), in order of time; values from 0 to 1."""
NAMES = 190
"""Pixels at the right for the names."""
COLOURS = ("#0b6bcb", "#d9480f", "#2b8a3e", "#9c36b5", "#5f6d7b", "#b08900", "#0c8599", "#c2255c")
LEAST_GAP = 15.0
"""Pixels between two names."""


def bands_svg(
    title: str, subtitle: str, bands: Mapping[str, Band], time_unit: str, lowest: float = 0.7
) -> str:
    """Return the picture of every band by its name; values below ``lowest`` lie at the lower edge."""
    longest = max(band[-1][0] for band in bands.values())
    frame = _Frame(longest, lowest)
    parts = [f"<style>{_style(len(bands))}</style>"]
    for tick in linear_ticks(100 * lowest, 100.0):
        parts += row_line(frame.y(tick / 100), f"{tick:g} %")
    for tick in linear_ticks(0.0, longest):
        parts += column_line(frame.x(tick), f"{tick:g}")
    parts += bottom_axis(f"time of training, {time_unit}")
    for place, band in enumerate(bands.values()):
        parts += _band(frame, band, place)
    ends = [frame.y(band[-1][2]) for band in bands.values()]
    for place, (name, y) in enumerate(zip(bands, _apart(ends), strict=True)):
        parts.append(
            f'<text class="n{place}" x="{frame.right + 8:.1f}" y="{y + 4:.1f}">{escape(name)}</text>'
        )
    return card(title, title, subtitle, parts)


class _Frame:
    """Where times and values lie in the picture, in pixels."""

    def __init__(self, longest: float, lowest: float) -> None:
        self._longest = longest
        self._lowest = lowest
        self.right = WIDTH - NAMES

    def x(self, time: float) -> float:
        return LEFT + (self.right - LEFT) * time / self._longest

    def y(self, value: float) -> float:
        share = (max(value, self._lowest) - self._lowest) / (1.0 - self._lowest)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share


def _style(count: int) -> str:
    rules = []
    for place in range(count):
        colour = COLOURS[place % len(COLOURS)]
        rules.append(
            f".b{place} {{ fill: {colour}; fill-opacity: 0.12 }} .l{place} {{ fill: none; stroke: {colour}; "
            f"stroke-width: 2; stroke-linejoin: round }} .n{place} {{ fill: {colour}; font-size: 12px }}"
        )
    return " ".join(rules)


def _band(frame: _Frame, band: Band, place: int) -> list[str]:
    """Return the area between the ends and the line of the middle."""
    above = [f"{frame.x(time):.1f},{frame.y(high):.1f}" for time, _, _, high in band]
    below = [f"{frame.x(time):.1f},{frame.y(low):.1f}" for time, low, _, _ in band]
    middle = [f"{frame.x(time):.1f},{frame.y(value):.1f}" for time, _, value, _ in band]
    return [
        f'<polygon class="b{place}" points="{" ".join([*above, *reversed(below)])}"/>',
        f'<polyline class="l{place}" points="{" ".join(middle)}"/>',
    ]


def _apart(places: Sequence[float]) -> list[float]:
    """Return places moved down where they are closer than ``LEAST_GAP``, and up again from the bottom."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for before, after in itertools.pairwise(order):
        moved[after] = max(moved[after], moved[before] + LEAST_GAP)
    over = max(0.0, max(moved) - (HEIGHT - BOTTOM)) if moved else 0.0
    return [place - over for place in moved]
