"""The accuracies of the classes as a table."""

from __future__ import annotations

from collections.abc import Sequence

from results.report.html import escape

FEW_CLASSES = 20
"""Up to this number of classes, the table is open."""


def class_table(classes: Sequence[str], accuracies: Sequence[float | None]) -> str:
    """Return the accuracies of the classes as a table with bars, in the order of the classes; empty without any."""
    if not accuracies or len(classes) != len(accuracies):
        return ""
    rows = "".join(_class_row(name, value) for name, value in zip(classes, accuracies, strict=True))
    is_open = " open" * (len(classes) <= FEW_CLASSES)
    return (
        f"<details{is_open}><summary>Accuracy of each class</summary>"
        '<table class="classes"><thead><tr><th scope="col">class</th><th scope="col" class="number">accuracy</th>'
        f'<td aria-hidden="true"></td></tr></thead><tbody>{rows}</tbody></table></details>'
    )


def _class_row(name: str, value: float | None) -> str:
    text = "–" if value is None else f"{100 * value:.1f}\u00a0%"
    bar = f'<i style="width:{100 * (value or 0):.1f}%"></i>'
    return (
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{text}</td>'
        f'<td class="meter" aria-hidden="true">{bar}</td></tr>'
    )
