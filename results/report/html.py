"""The elements of the report as HTML; all text that comes from a study is escaped here."""

from __future__ import annotations

import html
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from results.certification.records import CertifiedNetwork
from results.front import accuracy
from results.plots.chart import Chart
from results.storage.records import TrialRecord
from results.study import StudyReader
from space.core.atomic_files import shell_word


def escape(text: object) -> str:
    """Return ``text`` escaped for HTML elements and quoted attributes."""
    return html.escape(str(text))


def no_front(study: StudyReader) -> str:
    """Return the placeholder for a chart or table while there is no front."""
    why = study.why_no_front
    return f'<p class="empty">{escape(why[0].upper() + why[1:])}.</p>'


def chart(name: str, title: str, caption: str, content: Chart, *, tall: bool = False) -> str:
    """Return the figure in which the page's script draws a chart, with its title, buttons and caption."""
    buttons = save_buttons("figure", name, title)
    if content.everything[0] < content.focus[0]:
        views = "".join(
            f'<button type="button" data-chart="{name}" data-view="{view}" aria-pressed="{pressed}">{label}</button>'
            for view, label, pressed in (("focus", "close-up", "true"), ("everything", "everything", "false"))
        )
        buttons += f'<span class="views">{views}</span>'
    return (
        f'<figure><div class="bar"><span>{title}</span><span class="buttons">{buttons}</span></div>'
        f'<div class="plot{" tall" * tall}" id="chart-{name}" role="img" aria-label="{title}"></div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def wide_table(label: str, heads: str, rows: Sequence[str]) -> str:
    """Return a table that scrolls horizontally, by mouse or keyboard, on a narrow page."""
    return (
        '<p class="hint" hidden>The table is wider than the page. Scroll it horizontally, or select it with '
        "Tab and use the arrow keys.</p>"
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}, table"><table class="wide">'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def export_command(folder: Path, trial: TrialRecord) -> str:
    """Return the command that exports the network of a trial of the study in a folder."""
    return f"mgnas export {shell_word(folder)} --trial {trial.number}"


def certified_export_command(folder: Path, network: CertifiedNetwork) -> str:
    """Return the command that exports a certified network of the study in a folder."""
    if network.search_trial is not None:
        return f"mgnas export {shell_word(folder)} --trial {network.search_trial}"
    name = network.notation if network.origin == "other study" else network.name
    return f"mgnas export {shell_word(folder)} --network {shlex.quote(name)}"


def sections(content: Mapping[str, Any], name: str) -> str:
    """Return nested settings as one table for each section; top-level values come first, under ``name``."""
    plain = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
    nested = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    tables = []
    for title, values in ({name: plain} | nested).items():
        rows = "".join(
            f'<tr><th scope="row"><code>{escape(key)}</code></th>'
            f"<td><code>{escape(_plain_value(value))}</code></td></tr>"
            for key, value in values.items()
        )
        if rows:
            tables.append(f"<h3>{escape(title)}</h3><table><tbody>{rows}</tbody></table>")
    return "".join(tables) or '<p class="quiet">No values are recorded.</p>'


def _plain_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def percent(trial: TrialRecord) -> str:
    """Return the validation accuracy of a complete trial in percent."""
    return percent_text(accuracy(trial))


def percent_text(share: float) -> str:
    """Return a share from 0 to 1 in percent."""
    return f"{100 * share:.2f}\u00a0%"


def command(text: str) -> str:
    """Return a command with a button that copies it; no line break divides an option."""
    words = (f"<span>{escape(word)}</span>" if word[:2] == "--" else escape(word) for word in text.split(" "))
    return (
        f'<p class="command"><code>{" ".join(words)}</code> '
        f'<button type="button" class="small" data-copy="{escape(text)}">copy</button></p>'
    )


def details_name(trial: TrialRecord) -> str:
    """Return the name of a trial's details in the page."""
    return f"trial-{trial.number}"


def details_button(name: str, label: str, description: str) -> str:
    """Return the button that opens the details of a network; the page's script hides it where there are none."""
    return (
        f'<button type="button" class="small" data-details="{name}" aria-haspopup="dialog" '
        f'aria-label="{escape(description)}">{label}</button>'
    )


def save_buttons(kind: str, name: str, title: str) -> str:
    """Return the buttons that save a chart (``kind`` figure) or a drawing (``picture``) as a file."""
    buttons = "".join(
        f'<button type="button" data-{kind}="{name}" data-save="{form}" aria-label="save {title} as {form.upper()}">'
        f"{form.upper()}</button>"
        for form in ("svg", "png")
    )
    return f'<span class="views save">{buttons}</span>'
