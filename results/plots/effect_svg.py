"""The effects of the values of one hyperparameter as SVG: a row for each value, with its interval.

Colours are CSS variables of the report.
"""

from __future__ import annotations

from collections.abc import Sequence

from results.effects import HyperparameterEffect, ValueEffect
from results.plots.svg import EM, escape

WIDTH = 360
CLEAR = 0.05
"""The largest p value of an effect that is unlikely to be chance."""
_MARGIN = 8
_ROW, _FOOT = 38, 44
_TRACK = (14, 226)
"""The left and the right end of the axis, in pixels."""
_SIZE, _SMALLEST = 13.0, 9.0
"""The font sizes of the label of a value, in pixels."""
_ROOM = 190
"""The space for the label of a value, in pixels."""


def effect_svg(effect: HyperparameterEffect, reach: float) -> str:
    """Return the picture as SVG text.

    Args:
        effect: The hyperparameter, with an estimate.
        reach: The end of the axis, from 0 to 1; longer intervals are cut.
    """
    is_clear = effect.p_value < CLEAR
    bottom = _MARGIN + _ROW * len(effect.values)
    height = bottom + _FOOT
    rows = [_row(value, _MARGIN + _ROW * place, reach, is_clear) for place, value in enumerate(effect.values)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(_alternative(effect))}" '
        "style=\"font:13px system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif\">"
        f"{''.join(rows)}{_axis(effect, bottom, reach)}</svg>"
    )


def points(share: float) -> str:
    """Return a difference in percentage points with its sign; zero has no sign."""
    value = round(100 * share, 2)
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{abs(value):.2f}"


def _alternative(effect: HyperparameterEffect) -> str:
    """Return what the picture shows as text."""
    values = (
        f"{value.label}: {points(value.effect)} points, 95 % interval {_interval(value)}, n = {value.num_trials}"
        for value in effect.values
    )
    return f"Effects of {effect.hyperparameter}. {'; '.join(values)}."


def _interval(value: ValueEffect) -> str:
    return f"{points(value.low)} to {points(value.high)}"


def _row(value: ValueEffect, top: float, reach: float, is_clear: bool) -> str:
    colour = "--dim"
    if is_clear and value.low * value.high > 0:
        colour = "--better" if value.effect > 0 else "--worse"
    low, centre, high = (_place(end, reach) for end in (value.low, value.effect, value.high))
    size, label = fitted(value.label, _ROOM)
    y, right = top + 26, WIDTH - _MARGIN
    return (
        f'<text x="{_MARGIN}" y="{top + 12:g}" style="fill:var(--ink);font-size:{size:g}px">{escape(label)}</text>'
        f'<text x="{right}" y="{top + 12:g}" text-anchor="end" style="fill:var(--ink-2)">{points(value.effect)} '
        f'<tspan style="font-size:11px">n {value.num_trials} </tspan></text>'
        f'<path d="M{_place(0.0, reach):.1f} {top + 17:g}v18" style="stroke:var(--line)"/>'
        f'<path d="M{low:.1f} {y:g}H{high:.1f}" style="stroke:var({colour});stroke-width:4;stroke-opacity:0.6"/>'
        f'<circle cx="{centre:.1f}" cy="{y:g}" r="5" style="fill:var({colour})"/>'
        f'<text x="{right}" y="{y + 4:g}" text-anchor="end" style="fill:var(--ink-2);font-size:12px">'
        f"{_interval(value)}</text>"
    )


def _axis(effect: HyperparameterEffect, bottom: float, reach: float) -> str:
    left, right = _TRACK
    end = f"{100 * reach:.2g}"
    style = "fill:var(--ink-2);font-size:11px"
    ticks: Sequence[tuple[float, str, str]] = (
        (left - 6, f"−{end}", "start"),
        ((left + right) / 2, "0", "middle"),
        (right + 6, f"+{end}", "end"),
    )
    texts = "".join(
        f'<text x="{x:g}" y="{bottom + 15:g}" text-anchor="{anchor}" style="{style}">{text}</text>'
        for x, text, anchor in ticks
    )
    size, title = fitted(
        f"effect of {effect.hyperparameter} on accuracy, points", WIDTH - 2 * _MARGIN, largest=11
    )
    return (
        f'<path d="M{left} {bottom:g}H{right}" style="stroke:var(--line)"/>{texts}'
        f'<text x="{_MARGIN}" y="{bottom + 33:g}" style="fill:var(--ink-2);font-size:{size:g}px">{escape(title)}</text>'
    )


def _place(effect: float, reach: float) -> float:
    """Return the horizontal position of an effect; those beyond the axis stand at its end."""
    left, right = _TRACK
    return (left + right) / 2 + (right - left) / 2 * min(max(effect / reach, -1.0), 1.0)


def fitted(text: str, room: float, largest: float = _SIZE) -> tuple[float, str]:
    """Return a font size and a text that fit ``room`` pixels: a long text is small, a very long one is cut."""
    size = min(largest, room / (EM * max(len(text), 1)))
    if size >= _SMALLEST:
        return round(size, 1), text
    return _SMALLEST, text[: int(room / (EM * _SMALLEST)) - 1].rstrip() + "…"
