"""The diagram of a network: its levels, smoothing iterations and shared operators, as SVG.

Colours are CSS variables of the report.
"""

from __future__ import annotations

from results.plots.network_rows import MISSING, Arrow, Cell, Drawing, Row, links
from results.plots.svg import escape

WIDTH = 600
_LEFT, _BOX, _GAP = 112, 70, 26
_CHIP_WIDTH, _CHIP_HEIGHT, _PAD = 54, 25, 8
_BOX_HEIGHT = 2 * _CHIP_HEIGHT + 3 * _PAD
_ROW_HEIGHT = _BOX_HEIGHT + 18
_ARROW_HEIGHT = 50
_ARROWS_X = (_LEFT + 20, _LEFT + 250)
_FILLS = {"A": ("--wash", "--front"), "B": ("--wash-2", "--knee")}


def network_svg(drawing: Drawing, name: str) -> str:
    """Return the diagram as SVG text.

    Chips with the same label and a line between them are one operator, shared by the iterations.

    Args:
        drawing: The rows of the network; ``results.plots.network_rows.drawing_of`` returns them.
        name: A name for the identifiers in the picture, unique in a page.
    """
    canvas = _Canvas()
    canvas.text(16, 24, drawing.equation, style="fill:var(--ink);font-style:italic")
    y = 46
    canvas.node(_LEFT, y, 250, drawing.stem)
    y += 30
    for place, row in enumerate(drawing.rows):
        y = _add_arrows(canvas, y, row.arrows, name)
        _add_row(canvas, y, row, drawing.lanes, name)
        y += _ROW_HEIGHT + (10 if place < len(drawing.rows) - 1 else 0)
    canvas.arrow(_ARROWS_X[0], y + 4, y + 32, name)
    canvas.node(_LEFT, y + 34, 250, drawing.head)
    return _document(canvas.parts, y + 80, drawing.title, name)


def _add_arrows(canvas: _Canvas, y: int, arrows: tuple[Arrow, ...], name: str) -> int:
    """Add the arrows to a level and return the top of the level."""
    for x, arrow in zip(_ARROWS_X, arrows, strict=False):
        canvas.arrow(x, y + 4, y + _ARROW_HEIGHT - 4, name)
        canvas.text(x + 10, y + 22, arrow.operator, style="fill:var(--ink);font-weight:600")
        canvas.text(x + 10, y + 37, arrow.change, style="fill:var(--ink-2);font-size:12px")
    return y + _ARROW_HEIGHT


def _add_row(canvas: _Canvas, y: int, row: Row, lanes: tuple[str, str], name: str) -> None:
    canvas.text(16, y + 28, row.label, style="fill:var(--ink);font-weight:600")
    for line, text in enumerate(row.facts):
        canvas.text(16, y + 45 + 16 * line, text, style="fill:var(--ink-2);font-size:12px")
    for place, cell in enumerate(row.cells):
        x = _LEFT + place * (_BOX + _GAP)
        if cell is MISSING:
            canvas.text(
                x + _BOX / 2, y + 22 + _BOX_HEIGHT / 2, "⋯", style="fill:var(--ink-2)", anchor="middle"
            )
        else:
            _add_cell(canvas, x, y, cell, lanes)
        if place:
            canvas.step(x - _GAP + 2, x - 3, y + 18 + _BOX_HEIGHT // 2, name)
    for lane, operator in enumerate(lanes):
        _add_links(
            canvas, y + 18 + _PAD + lane * (_CHIP_HEIGHT + _PAD) + _CHIP_HEIGHT // 2, row, lane, operator
        )


def _add_cell(canvas: _Canvas, x: int, y: int, cell: Cell, lanes: tuple[str, str]) -> None:
    canvas.text(x + _BOX / 2, y + 12, cell.label, style="fill:var(--ink-2);font-size:11px", anchor="middle")
    canvas.box(x, y + 18, _BOX, _BOX_HEIGHT, "fill:var(--card);stroke:var(--line)")
    for lane, (operator, weights) in enumerate(zip(lanes, cell.weights, strict=True)):
        fill, stroke = _FILLS[operator]
        top = y + 18 + _PAD + lane * (_CHIP_HEIGHT + _PAD)
        left = x + (_BOX - _CHIP_WIDTH) // 2
        canvas.box(left, top, _CHIP_WIDTH, _CHIP_HEIGHT, f"fill:var({fill});stroke:var({stroke})")
        canvas.operator(x + _BOX / 2, top + 17, operator, weights)


def _add_links(canvas: _Canvas, y: int, row: Row, lane: int, operator: str) -> None:
    """Add a line between neighbours that share the operator of this lane."""
    inset = (_BOX - _CHIP_WIDTH) // 2
    for place, is_linked in enumerate(links(row, lane), start=1):
        if is_linked:
            left = _LEFT + place * (_BOX + _GAP)
            start = left - _GAP - (_GAP if row.cells[place - 1] is MISSING else inset)
            end = left + (_GAP if row.cells[place] is MISSING else inset)
            canvas.link(start, end, y, operator)


def _document(parts: list[str], height: int, title: str, name: str) -> str:
    font = "font:14px system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-labelledby="{name}-t" style="{font}">'
        f'<title id="{name}-t">{escape(title)}</title>'
        f'<defs><marker id="{name}-a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L10 5L0 10z" style="fill:var(--ink-2)"/></marker></defs>'
        f"{''.join(parts)}</svg>"
    )


class _Canvas:
    """The elements of a diagram, from back to front."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def text(self, x: float, y: float, text: str, *, style: str, anchor: str = "start") -> None:
        """Add a line of text whose baseline starts at (x, y)."""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" style="{style}">{escape(text)}</text>'
        )

    def operator(self, x: float, y: float, operator: str, weights: str) -> None:
        """Add the name of an operator with the superscript of its weights."""
        power = f'<tspan dy="-5" style="font-size:10px">{escape(weights)}</tspan>' if weights else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="middle" style="fill:var(--ink);font-weight:600">'
            f"{operator}{power}</text>"
        )

    def box(self, x: float, y: float, width: float, height: float, style: str) -> None:
        """Add a rectangle with round corners."""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="7" style="{style}"/>'
        )

    def node(self, x: float, y: float, width: float, text: str) -> None:
        """Add a box with one line of text: the stem or the head."""
        self.box(x, y, width, 30, "fill:var(--grid);stroke:var(--line)")
        self.text(x + width / 2, y + 20, text, style="fill:var(--ink);font-size:13px", anchor="middle")

    def arrow(self, x: float, top: float, bottom: float, name: str) -> None:
        """Add an arrow downwards."""
        style = "fill:none;stroke:var(--ink-2);stroke-width:1.5"
        self.parts.append(
            f'<path d="M{x:g} {top:g}V{bottom:g}" style="{style}" marker-end="url(#{name}-a)"/>'
        )

    def step(self, left: float, right: float, y: float, name: str) -> None:
        """Add an arrow to the right."""
        style = "fill:none;stroke:var(--ink-2);stroke-width:1.5"
        self.parts.append(
            f'<path d="M{left:g} {y:g}H{right:g}" style="{style}" marker-end="url(#{name}-a)"/>'
        )

    def link(self, left: float, right: float, y: float, operator: str) -> None:
        """Add the line between two chips of one operator."""
        style = f"stroke:var({_FILLS[operator][1]});stroke-width:3"
        self.parts.append(f'<path d="M{left:g} {y:g}H{right:g}" style="{style}"/>')
