"""What the still pictures share: their size, their look in light and dark, and text that is safe in XML."""

from __future__ import annotations

import html
import re
import unicodedata

WIDTH, HEIGHT = 820, 440
LEFT, RIGHT, TOP, BOTTOM = 66, 26, 74, 56
EM = 0.56
"""The width of a letter, about, as a share of the letters' size."""
SMALLEST = 10
"""Letters of a heading, in pixels."""

# the card is painted too: where a site's theme differs from the reader's system, it still reads
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


def card(label: str, title: str, subtitle: str, parts: list[str]) -> str:
    """Return a whole picture as SVG text, without a script or an outside resource.

    ``label`` is read out to who cannot see it; ``parts`` are the elements below the heading.
    """
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-label="{escape(label)}">',
        f"<style>{STYLE}</style>",
        f'<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="12"/>',
        _heading(title, 31, 17, 'class="title" '),
        _heading(subtitle, 52, 13),
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _heading(text: str, y: int, size: float, attributes: str = "") -> str:
    """Return a line that is no wider than the card: a long one in smaller letters, a very long one cut."""
    room = (WIDTH - 2 * (LEFT - 42)) / EM
    while _width(text) * SMALLEST > room:
        text = text[: int(len(text) * room / (_width(text) * SMALLEST)) - 1].rstrip() + "…"
    if _width(text) * size > room:
        attributes += f'style="font-size: {room / _width(text):.1f}px" '
    return f'<text {attributes}x="{LEFT - 42}" y="{y}">{escape(text)}</text>'


def _width(text: str) -> int:
    """Return the width of a text in letters; those of East Asia are as wide as two."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)


def escape(text: str) -> str:
    """Return text as XML takes it, which has no way to write some characters, not even escaped."""
    return html.escape(re.sub(r"[\x00-\x1f\ud800-\udfff\ufffe\uffff]", " ", text))


def row_line(y: float, text: str) -> list[str]:
    """Return a line of the grid at ``y`` pixels, with its label."""
    return [
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>',
        f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text}</text>',
    ]


def column_line(x: float, text: str) -> list[str]:
    """Return a line of the grid at ``x`` pixels, with its label."""
    bottom = HEIGHT - BOTTOM
    return [
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>',
        f'<text x="{x:.1f}" y="{bottom + 19}" text-anchor="middle">{text}</text>',
    ]


def bottom_axis(text: str) -> list[str]:
    """Return the horizontal axis with its title."""
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    return [
        f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>',
        f'<text x="{(LEFT + right) / 2}" y="{bottom + 42}" text-anchor="middle">{text}</text>',
    ]
