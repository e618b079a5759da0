"""A static chart as SVG text: axes, points, lines, bands and labels, in light and dark."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 820, 440
LEFT, RIGHT, TOP, BOTTOM = 66, 26, 74, 56
EM = 0.56
"""The mean width of a letter, as a fraction of the font size."""
SMALLEST = 10
"""The smallest font size of a heading, in pixels."""

# the background is painted: the theme of a page may differ from the reader's system
STYLE = """
  .card { fill: #ffffff; stroke: #d8dee5 } .grid { stroke: #e8ecf0 } .axis { stroke: #c9d1da }
  text { fill: #4d5b6b; font: 13px system-ui, -apple-system, 'Segoe UI', Roboto, Arial, sans-serif }
  .title { fill: #16202c; font-size: 17px; font-weight: 600 } .label { fill: #16202c; font-size: 12.5px }
  .halo { paint-order: stroke; stroke: #ffffff; stroke-width: 4px; stroke-linejoin: round }
  .other { fill: #b3bdc8 } .wash { fill: #0b6bcb; fill-opacity: 0.08 }
  .front { fill: #0b6bcb; stroke: #ffffff; stroke-width: 1.5 }
  .line { fill: none; stroke: #0b6bcb; stroke-width: 2.2; stroke-linejoin: round }
  .thin { fill: none; stroke: #0b6bcb; stroke-width: 1; stroke-opacity: 0.35; stroke-linejoin: round }
  .knee { fill: none; stroke: #d9480f; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #151b23; stroke: #2d3742 } .grid { stroke: #26303a } .axis { stroke: #3a4653 }
    text { fill: #a3b0be } .title, .label { fill: #e8edf2 } .halo { stroke: #151b23 }
    .other { fill: #5f6d7b } .wash { fill: #58a6ff; fill-opacity: 0.12 }
    .front { fill: #58a6ff; stroke: #151b23 } .line, .thin { stroke: #58a6ff } .knee { stroke: #ff8f4d }
  }
"""


@dataclass(frozen=True)
class Axis:
    """A linear axis, or a logarithmic one.

    Attributes:
        low: the value at the left or lower end.
        high: the value at the right or upper end, above ``low``.
        ticks: values with a grid line and a label.
        text: returns the label of a tick.
        title: the title; only that of the horizontal axis is shown.
        is_log: whether positions are proportional to the logarithm of the value.
    """

    low: float
    high: float
    ticks: Sequence[float]
    text: Callable[[float], str]
    title: str = ""
    is_log: bool = False

    def fraction(self, value: float) -> float:
        """Return the position of a value: 0 at ``low``, 1 at ``high``."""
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


class SvgChart:
    """A chart with two axes, to which points, lines, bands and labels are added from back to front.

    Coordinates are values of the axes. ``kind`` is a CSS class of ``STYLE``, or of the ``style`` given.

    Args:
        x: the horizontal axis.
        y: the vertical axis.
        right: the margin at the right, in pixels.
        style: further CSS rules.
        is_clipped: whether lines and bands end at the edge of the plot area.
    """

    def __init__(
        self, x: Axis, y: Axis, *, right: float = RIGHT, style: str = "", is_clipped: bool = False
    ) -> None:
        self._x, self._y = x, y
        self.right = WIDTH - right
        self._style = style
        self._clip = ' clip-path="url(#plot)"' * is_clipped
        self._elements: list[str] = []

    def x(self, value: float) -> float:
        """Return the horizontal position of a value, in pixels from the left."""
        return LEFT + (self.right - LEFT) * self._x.fraction(value)

    def y(self, value: float) -> float:
        """Return the vertical position of a value, in pixels from the top."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * self._y.fraction(value)

    def line(self, xs: Sequence[float], ys: Sequence[float], kind: str) -> None:
        """Add a line through points."""
        self._elements.append(f'<polyline{self._clip} class="{kind}" points="{self._points(xs, ys)}"/>')

    def band(self, xs: Sequence[float], lows: Sequence[float], highs: Sequence[float], kind: str) -> None:
        """Add the area between two lines."""
        outline = f"{self._points(xs, highs)} {self._points(xs[::-1], lows[::-1])}"
        self._elements.append(f'<polygon{self._clip} class="{kind}" points="{outline}"/>')

    def _points(self, xs: Sequence[float], ys: Sequence[float]) -> str:
        return " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in zip(xs, ys, strict=True))

    def point(self, x: float, y: float, kind: str, radius: float) -> None:
        """Add a circle; ``radius`` is in pixels."""
        self._elements.append(
            f'<circle class="{kind}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius}"/>'
        )

    def label(
        self, left: float, top: float, text: str, kind: str = "label halo", anchor: str = "start"
    ) -> None:
        """Add a text at a position in pixels; ``anchor`` is its ``start``, ``middle`` or ``end``."""
        self._elements.append(
            f'<text class="{kind}" x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def render(self, title: str, subtitle: str, description: str | None = None) -> str:
        """Return the chart as SVG text, without scripts and external resources.

        Args:
            title: the heading; a long one is set in a smaller font, a very long one is cut.
            subtitle: the line below the heading.
            description: the text for screen readers; by default the title.
        """
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
            f'height="{HEIGHT}" role="img" aria-label="{escape(description or title)}">',
            f"<style>{STYLE}{self._style}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="12"/>',
            heading(title, 31, 17, "title"),
            heading(subtitle, 52, 13, "subtitle"),
            *self._plot_area(),
            *self._grid(),
            *self._elements,
            "</svg>",
        ]
        return "\n".join(parts) + "\n"

    def _plot_area(self) -> list[str]:
        """Return the area that clips lines and bands; a clipped line leaves the chart instead of following its edge."""
        if not self._clip:
            return []
        width, height = self.right - LEFT + 8, HEIGHT - TOP - BOTTOM + 8
        area = f'<rect x="{LEFT - 4}" y="{TOP - 8}" width="{width:g}" height="{height}"/>'
        return [f'<clipPath id="plot">{area}</clipPath>']

    def _grid(self) -> list[str]:
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        parts = []
        for tick in self._y.ticks:
            y, text = self.y(tick), escape(self._y.text(tick))
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
        for tick in self._x.ticks:
            x, text = self.x(tick), escape(self._x.text(tick))
            parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 19}" text-anchor="middle">{text}</text>')
        middle = (LEFT + right) / 2
        title = f'<text x="{middle}" y="{bottom + 42}" text-anchor="middle">{escape(self._x.title)}</text>'
        return [
            *parts,
            f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>',
            title,
        ]


def heading(text: str, y: int, size: float, kind: str) -> str:
    """Return a line of text that fits the chart: a long one in a smaller font, a very long one cut."""
    room = (WIDTH - 2 * (LEFT - 42)) / EM
    while _width(text) * SMALLEST > room:
        text = text[: int(len(text) * room / (_width(text) * SMALLEST)) - 1].rstrip() + "…"
    style = f' style="font-size: {room / _width(text):.1f}px"' if _width(text) * size > room else ""
    return f'<text class="{kind}"{style} x="{LEFT - 42}" y="{y}">{escape(text)}</text>'


def _width(text: str) -> int:
    """Return the width of a text in letters; East Asian wide characters count twice."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def escape(text: str) -> str:
    """Return text for XML; characters that XML cannot represent become spaces."""
    return html.escape(re.sub(r"[\x00-\x1f\ud800-\udfff\ufffe\uffff]", " ", text))
