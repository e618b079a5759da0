"""The elements of the report as HTML; all text that comes from a study is escaped here."""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from results.front import accuracy, complete_trials
from results.picks import best
from results.plots.axes import duration, plural
from results.plots.charts import Chart, curve_name, dashes, shade
from results.storage.records import TrialRecord
from results.study import StudyReader
from results.study_text import chance_warning, equal_rule, percents
from results.tables import few_numbers
from space.core.atomic_files import shell_word

_MAX_REASONS = 5


def escape(text: object) -> str:
    """Return ``text`` escaped for HTML elements and quoted attributes."""
    return html.escape(str(text))


def no_front(study: StudyReader) -> str:
    """Return the placeholder for a chart or table while there is no front."""
    why = study.why_no_front
    return f'<p class="empty">{escape(why[0].upper() + why[1:])}.</p>'


def lead(study: StudyReader) -> str:
    """Return the line below the heading: data set, trials and the spent budget."""
    data = study.header.data
    facts = []
    if "name" in data:
        facts.append(f"on <strong>{escape(data['name'])}</strong>")
    if isinstance(size := data.get("image_size"), (list, tuple)):
        facts.append(f"({escape('×'.join(map(str, size)))} pixels, {len(data.get('classes', []))} classes)")
    facts.append(f"· {study.num_finished} of {study.header.trials} trials")
    if unfinished := len(study.records) - study.num_finished:
        facts.append(f"· {unfinished} unfinished")
    if study.spent and study.num_finished < study.header.trials:
        facts.append(f"· {escape(study.spent)}")
    return " ".join(facts)


def tiles(study: StudyReader) -> str:
    """Return the key figures of the search as a definition list."""
    front = study.front_records
    num_failed = sum(trial.state == "failed" for trial in study.records)
    num_epochs = sum(len(reports) for reports in study.reports.values())
    num_stopped = sum(trial.state == "stopped" for trial in study.records)
    with_result = sum(trial.state == "complete" for trial in study.records)
    others = f"{num_failed} failed" if num_failed else "none failed"
    if num_stopped:
        others += f", {num_stopped} stopped at a rung"
    rows = [
        ("networks on the front", str(len(front)), f"of {plural(with_result, 'trained network')}"),
        ("hypervolume", f"{study.hypervolume:.3f}", "share of the box dominated, 0 to 1"),
        ("trials with a result", str(with_result), others),
        ("search time", duration(study.searched_s), f"{plural(num_epochs, 'epoch')} trained"),
    ]
    if study.header.plan:
        seeds = sorted({training.seed for training in study.header.plan})
        rows.append(("seeds", str(len(seeds)), f"from {seeds[0]} to {seeds[-1]}"))
    elif (seed := _seed(study)) is not None:
        rows.append(("seed", escape(seed), "every trial's seed follows from it"))
    return "\n".join(
        f'<div><dt>{label}</dt><dd class="figure">{figure}</dd><dd class="detail">{detail}</dd></div>'
        for label, figure, detail in rows
    )


def notice(study: StudyReader) -> str:
    """Return the notes on the accuracies: split, selection bias, intervals, chance."""
    count = study.header.data.get("val")
    of_images = f" ({count:,} images)" if isinstance(count, int) else ""
    text = [
        "<strong>How to read the accuracies.</strong> They are measured on the <strong>validation</strong> "
        f"split{of_images}. The search never saw any test images."
    ]
    if len(complete_trials(study.records)) > 1:
        text.append(
            "The search selected the best trials by these accuracies, so they are optimistic. Expect lower "
            "accuracy on new images."
        )
    if len(front := study.front_records) > 1:
        text.append(
            "Each network was trained once. The intervals contain the sampling error of the images. They do "
            "not contain the variance between seeds."
        )
    if study.header.is_balanced:
        text.append("They are balanced: the mean of the accuracies of the classes.")
    elif front and (interval := study.header.sampling.interval(accuracy(top := best(front)))):
        chosen = "Without the selection, " if len(complete_trials(study.records)) > 1 else ""
        text.append(f"{chosen}{percent(top)} on {count:,} images means {percents(interval)} (95 % interval).")
    if warning := chance_warning(study):
        text.append(f"<strong>{warning[0].upper()}{warning[1:]}.</strong>")
    return " ".join(text)


def failures(study: StudyReader) -> str:
    """Return the number of failed trials and the most frequent reasons; empty without failures."""
    failed = [trial for trial in study.records if trial.state == "failed"]
    if not failed:
        return ""
    reasons = Counter(trial.short_reason for trial in failed)
    shown = [f"{escape(reason)} ({count}×)" for reason, count in reasons.most_common(_MAX_REASONS)]
    if len(reasons) > _MAX_REASONS:
        shown.append(f"and {len(reasons) - _MAX_REASONS} other reasons")
    return (
        f'<p class="notice"><strong>{plural(len(failed), "trial")} failed</strong> and '
        f"{'is' if len(failed) == 1 else 'are'} in no chart: {'; '.join(shown)}.</p>"
    )


def chart(name: str, title: str, caption: str, content: Chart, *, tall: bool = False) -> str:
    """Return the figure in which the page's script draws a chart, with its title, buttons and caption."""
    buttons = "".join(
        f'<button data-figure="{name}" data-save="{form}" aria-label="save {title} as {form.upper()}">'
        f"{form.upper()}</button>"
        for form in ("svg", "png")
    )
    buttons = f'<span class="views save">{buttons}</span>'
    if content.everything[0] < content.focus[0]:
        buttons += (
            f'<span class="views"><button data-chart="{name}" data-view="focus" aria-pressed="true">close-up'
            f'</button><button data-chart="{name}" data-view="everything" aria-pressed="false">everything'
            "</button></span>"
        )
    return (
        f'<figure><div class="bar"><span>{title}</span><span class="buttons">{buttons}</span></div>'
        f'<div class="plot{" tall" * tall}" id="chart-{name}" role="img" aria-label="{title}"></div>'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def chips(front: Sequence[TrialRecord]) -> str:
    """Return the legend of the learning curves."""
    items = (
        f'<li><svg viewBox="0 0 44 8" aria-hidden="true"><path d="M0 4H44" fill="none" stroke-width="2.5" '
        f'style="stroke:{shade(place, len(front))}" stroke-dasharray="{dashes(place)}"/></svg>'
        f"{curve_name(trial)}</li>"
        for place, trial in enumerate(front)
    )
    return f'<ul class="chips">{"".join(items)}</ul>'


def front_table(study: StudyReader) -> str:
    """Return the front as a table, with the export command of each network."""
    front = study.front_records
    if not front:
        return no_front(study)
    tags = _tags(study)
    is_searched = any(trial.searched_training for trial in front)
    rows = []
    for trial in front:
        marks = "".join(f'<span class="tag">{tag}</span>' for tag in tags.get(trial.number, []))
        rows.append(
            f'<tr><td class="number">{trial.number}</td>'
            f'<td class="text"><code>{escape(trial.notation)}</code>{marks}</td>'
            f"{_cost_cells(study, trial)}"
            f'<td class="number">{percent(trial)}{_interval(study, trial)}</td>'
            f'<td class="number">{few_numbers(study.equal_to[trial.number])}</td>'
            f'<td class="number">{trial.epochs}</td><td><code>{escape(trial.arch)}</code></td>'
            f"{f'<td><code>{escape(trial.training_text)}</code></td>' * is_searched}"
            f'<td class="command"><code>{escape(export_command(study, trial))}</code></td></tr>'
        )
    costs = _cost_heads(study)
    training = ["training"] * is_searched
    names = (
        "trial",
        "network",
        *costs,
        "val. accuracy",
        "equal to",
        "epochs",
        "arch",
        *training,
        "export it with",
    )
    numeric = {"trial", *costs, "val. accuracy", "equal to", "epochs"}
    heads = "".join(f"<th{' class=number' * (name in numeric)}>{name}</th>" for name in names)
    order = "From the smallest network to the most accurate."
    if not study.objectives.is_params:
        order = f"Ordered by {study.objectives.costs[0].title}, the lowest first."
    return (
        f"<p>{order} <em>Equal to</em> lists {equal_rule(study)}: the validation images cannot distinguish "
        "them. The small numbers are 95 % intervals. A click on a command selects it.</p>"
        f"{_wide_table('Networks on the front', heads, rows)}"
    )


def _wide_table(label: str, heads: str, rows: Sequence[str]) -> str:
    """Return a table that scrolls horizontally, by mouse or keyboard, on a narrow page."""
    return (
        '<p class="hint" hidden>The table is wider than the page. Scroll it horizontally, or select it with '
        "Tab and use the arrow keys.</p>"
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}, table"><table class="wide">'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _tags(study: StudyReader) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = {}
    chosen = {"recommended": study.recommended, "knee": study.knee, "best": best(study.front_records)}
    for name, trial in chosen.items():
        if trial is not None:
            tags.setdefault(trial.number, []).append(name)
    return tags


def export_command(study: StudyReader, trial: TrialRecord) -> str:
    """Return the command that exports a network of the study."""
    return f"mgnas export {shell_word(study.folder)} --trial {trial.number}"


def _interval(study: StudyReader, trial: TrialRecord) -> str:
    interval = study.header.sampling.interval(accuracy(trial))
    return f"<small>{percents(interval)}</small>" if interval else ""


def references_table(study: StudyReader) -> str:
    """Return the table of the reference networks; empty without references."""
    if not study.references:
        return ""
    rows = []
    for trial in sorted(study.references, key=lambda trial: trial.params):
        result = percent(trial) if trial.state == "complete" else escape(trial.reason or "not finished")
        rows.append(
            f'<tr><td class="number">{trial.number}</td><td>{escape(trial.reference)}</td>'
            f'<td class="text"><code>{escape(trial.notation)}</code></td>'
            f"{_cost_cells(study, trial)}"
            f'<td class="number">{result}</td></tr>'
        )
    costs = _cost_heads(study)
    names = ("trial", "reference", "network", *costs, "val. accuracy")
    numeric = {"trial", *costs, "val. accuracy"}
    heads = "".join(f"<th{' class=number' * (name in numeric)}>{name}</th>" for name in names)
    return (
        "<h3>References</h3><p>Networks of the papers, trained by this study's recipe for comparison. They "
        "are not part of the search, and no figure of the search includes them.</p>"
        f"{_wide_table('References', heads, rows)}"
    )


def _cost_heads(study: StudyReader) -> list[str]:
    return [cost.heading for cost in study.objectives.shown]


def _cost_cells(study: StudyReader, trial: TrialRecord) -> str:
    texts = (cost.text(cost.of(trial)) for cost in study.objectives.shown)
    return "".join(f'<td class="number">{text}</td>' for text in texts)


def sections(content: Mapping[str, Any], name: str) -> str:
    """Return nested settings as one table for each section; top-level values come first, under ``name``."""
    plain = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
    nested = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    tables = []
    for title, values in ({name: plain} | nested).items():
        rows = "".join(
            f"<tr><td><code>{escape(key)}</code></td><td><code>{escape(_plain_value(value))}</code></td></tr>"
            for key, value in values.items()
        )
        if rows:
            tables.append(f"<h3>{escape(title)}</h3><table><tbody>{rows}</tbody></table>")
    return "".join(tables) or '<p class="quiet">No values are recorded.</p>'


def _plain_value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def percent(trial: TrialRecord) -> str:
    """Return the validation accuracy of a complete trial in percent."""
    return f"{100 * accuracy(trial):.2f}\u00a0%"


def _seed(study: StudyReader) -> Any:
    search = study.header.config.get("search")
    return search.get("seed") if isinstance(search, Mapping) else None
