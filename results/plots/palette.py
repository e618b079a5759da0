"""The colours of a chart outside of the report: those of its light page."""

from __future__ import annotations

from typing import Any

LIGHT = {
    "--card": "#ffffff",
    "--ink": "#16202c",
    "--ink-2": "#4d5b6b",
    "--line": "#c9d1da",
    "--grid": "#e8ecf0",
    "--front": "#0b6bcb",
    "--wash": "rgba(11, 107, 203, 0.10)",
    "--wash-2": "rgba(217, 72, 15, 0.10)",
    "--dim": "#a9b4c0",
    "--knee": "#d9480f",
    "--better": "#0b6bcb",
    "--worse": "#c2410c",
    "--good": "#1a7f4b",
    "--ramp-0": "#7fc4b4",
    "--ramp-1": "#54b0ae",
    "--ramp-2": "#3399ac",
    "--ramp-3": "#237fa6",
    "--ramp-4": "#23629a",
    "--ramp-5": "#2a4585",
    "--ramp-6": "#2d2a66",
}
"""The CSS variables of the page that charts use, with their values on the light page."""


def coloured(value: Any) -> Any:
    """Return plain data of a figure with CSS variables replaced by the colours of the light page."""
    if isinstance(value, str):
        return LIGHT[value[4:-1]] if value.startswith("var(") else value
    if isinstance(value, dict):
        return {key: coloured(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [coloured(item) for item in value]
    return value
