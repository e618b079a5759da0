"""The section of parallel coordinates: the chart, and the same in a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from results.front import accuracy, complete_trials
from results.plots.parallel_chart import (
    ABSENT,
    MOST_HYPERPARAMETERS,
    parallel_chart,
    shown_trials,
    varied_hyperparameters,
)
from results.report.html import chart, escape, wide_table
from results.report.section import Section
from results.storage.records import HyperparameterValue, TrialRecord
from results.study import StudyReader
from space.core.text import plural, short_count

_LEAST_TRIALS = 2
_BEST_SHARE = 0.1
_HEADS = ("hyperparameter", "complete trials with it", "all complete trials", "most accurate tenth", "front")


def parallel_section(study: StudyReader) -> Section | None:
    """Return the parallel coordinates and their summary; None without two trials that differ."""
    names = varied_hyperparameters(study)
    if len(complete_trials(study.records)) < _LEAST_TRIALS or not names:
        return None
    content = parallel_chart(study)
    width = 92 * len(content.figure.layout.xaxis.tickvals)
    figure = chart("parallel", "hyperparameters, costs and validation accuracy", "", content, tall=True)
    return Section(
        "parallel",
        "Hyperparameters, costs and accuracy together",
        f"<p>{_explanation(study, names)}</p>"
        '<p class="hint" hidden>The chart is wider than the page. Scroll it horizontally, or select it with Tab and '
        'use the arrow keys.</p><div class="scroll" role="region" tabindex="0" '
        'aria-label="Parallel coordinates, chart">'
        f'<div style="min-width: {width}px">{figure}</div></div>'
        f"<h3>Typical values</h3><p>{_TABLE_TEXT}</p>{_table(study, names)}",
        {"parallel": content},
    )


_TABLE_TEXT = (
    "The table needs no mouse. It gives the median and the range of numbers, and the most frequent value of words "
    "with its share. The most accurate networks are larger; the effects above compare at equal size."
)


def _explanation(study: StudyReader, names: Sequence[str]) -> str:
    sentences = [
        "Each line is a complete trial; its colour shows the accuracy. A click on an entry of the legend hides "
        "its lines."
    ]
    num_complete, num_shown = len(complete_trials(study.records)), len(shown_trials(study))
    if num_shown < num_complete:
        sentences.append(
            f"The chart shows the front and a sample, {num_shown:,} of {num_complete:,} complete trials."
        )
    if len(names) > MOST_HYPERPARAMETERS:
        sentences.append(
            f"It has axes for the {MOST_HYPERPARAMETERS} of {plural(len(names), 'hyperparameter')} with the "
            "strongest effects; the table has all."
        )
    if any(name not in trial.hyperparameters for trial in complete_trials(study.records) for name in names):
        sentences.append(f"The mark {ABSENT} stands for networks without the hyperparameter.")
    return " ".join(sentences)


def _table(study: StudyReader, names: Sequence[str]) -> str:
    complete = sorted(complete_trials(study.records), key=accuracy, reverse=True)
    best = complete[: max(1, round(_BEST_SHARE * len(complete)))]
    rows = []
    for name in names:
        count = sum(name in trial.hyperparameters for trial in complete)
        cells = [_summary(name, trials) for trials in (complete, best, study.front_records)]
        rows.append(
            f'<tr><th scope="row"><code>{escape(name)}</code></th><td class="number">{count:,}</td>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
            + "</tr>"
        )
    heads = "".join(
        f'<th scope="col"{" class=number" * (place == 1)}>{head}</th>' for place, head in enumerate(_HEADS)
    )
    return wide_table("Hyperparameters", heads, rows)


def _summary(name: str, trials: Sequence[TrialRecord]) -> str:
    """Return the typical values of a hyperparameter as text."""
    values = [trial.hyperparameters[name] for trial in trials if name in trial.hyperparameters]
    if not values:
        return ABSENT
    if any(isinstance(value, str | bool) for value in values):
        word, count = Counter(map(str, values)).most_common(1)[0]
        return f"{word} ({100 * count / len(values):.0f} %)"
    numbers = [float(value) for value in values]
    low, high = min(numbers), max(numbers)
    spread = f" ({_number(low)} to {_number(high)})" if low < high else ""
    return f"{_number(median(numbers))}{spread}"


def _number(value: HyperparameterValue) -> str:
    return short_count(float(value)) if float(value) >= 1000 else f"{float(value):.3g}"
