"""The section of the networks: the front, the trainings of a plan and the references, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from results.front import accuracy, complete_trials
from results.picks import best
from results.report.details import details_of_networks
from results.report.html import (
    details_button,
    details_name,
    escape,
    export_command,
    no_front,
    wide_table,
)
from results.report.section import Section
from results.report.trainings import trainings_table
from results.storage.records import TrialRecord
from results.study import StudyReader
from results.study_text import equal_rule, percents
from results.tables import accuracy_columns, few_numbers

NARROW = "\u00a0%"


def networks_section(study: StudyReader) -> Section:
    """Return the tables of the front, of a plan's trainings, and of the references."""
    tables = front_table(study) + trainings_table(study) + references_table(study)
    templates, charts = details_of_networks(study)
    return Section("networks", "Networks on the front", tables + templates, charts)


def front_table(study: StudyReader) -> str:
    """Return the front as a table, with the export command of each network."""
    front = study.front_records
    if not front:
        return no_front(study)
    tags = _tags(study)
    accuracies, cells = accuracy_columns(front, is_int8=study.header.is_int8)
    is_searched = any(trial.searched_training for trial in front)
    rows = []
    for trial in front:
        marks = "".join(f'<span class="tag">{tag}</span>' for tag in tags.get(trial.number, []))
        rows.append(
            f'<tr><td class="number">{_number(trial)}</td>'
            f'<td class="text"><code>{escape(trial.notation)}</code>{marks}</td>'
            f"{_cost_cells(study, trial)}"
            f"{_accuracy_cells(cells(trial), _interval(study, trial))}"
            f'<td class="number">{few_numbers(study.equal_to[trial.number])}</td>'
            f'<td class="number">{trial.epochs}</td><td><code>{escape(trial.arch)}</code></td>'
            f"{f'<td><code>{escape(trial.training_text)}</code></td>' * is_searched}"
            f'<td class="command"><code>{escape(export_command(study.folder, trial))}</code></td></tr>'
        )
    costs = _cost_heads(study)
    training = ["training"] * is_searched
    names = (
        "trial",
        "network",
        *costs,
        *accuracies,
        "equal to",
        "epochs",
        "arch",
        *training,
        "export it with",
    )
    numeric = {"trial", *costs, *accuracies, "equal to", "epochs"}
    heads = "".join(f"<th scope=col{' class=number' * (name in numeric)}>{name}</th>" for name in names)
    order = "From the smallest network to the most accurate."
    if not study.objectives.is_params:
        order = f"Ordered by {study.objectives.costs[0].title}, the lowest first."
    return (
        f"<p>{order} <em>Equal to</em> lists {equal_rule(study)}: the validation images cannot distinguish "
        "them. The small numbers are 95 % intervals. A number opens the details of a network.</p>"
        f"{wide_table('Networks on the front', heads, rows)}"
    )


def references_table(study: StudyReader) -> str:
    """Return the table of the reference networks; empty without references."""
    if not study.references:
        return ""
    trained = complete_trials(study.references)
    accuracies, cells = accuracy_columns(trained, is_int8=study.header.is_int8)
    rows = []
    for trial in sorted(study.references, key=lambda trial: trial.params):
        reason = [escape(trial.reason or "not finished"), *[""] * (len(accuracies) - 1)]
        results = cells(trial) if trial.state == "complete" else reason
        rows.append(
            f'<tr><td class="number">{_number(trial)}</td><td>{escape(trial.reference)}</td>'
            f'<td class="text"><code>{escape(trial.notation)}</code></td>'
            f"{_cost_cells(study, trial)}"
            f"{_accuracy_cells(results)}</tr>"
        )
    costs = _cost_heads(study)
    names = ("trial", "reference", "network", *costs, *accuracies)
    numeric = {"trial", *costs, *accuracies}
    heads = "".join(f"<th scope=col{' class=number' * (name in numeric)}>{name}</th>" for name in names)
    return (
        "<h3>References</h3><p>Networks of the papers, trained by this study's recipe for comparison. They "
        "are not part of the search, and no figure of the search includes them.</p>"
        f"{wide_table('References', heads, rows)}"
    )


def _accuracy_cells(texts: Sequence[str], interval: str = "") -> str:
    """Return the cells of accuracies; the interval is that of the first one."""
    return "".join(
        f'<td class="number">{text.replace(" %", NARROW)}{interval * (place == 0)}</td>'
        for place, text in enumerate(texts)
    )


def _number(trial: TrialRecord) -> str:
    """Return the number of a trial as the button that opens its details."""
    return details_button(details_name(trial), str(trial.number), f"details of trial {trial.number}")


def _tags(study: StudyReader) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = {}
    chosen = {"recommended": study.recommended, "knee": study.knee, "best": best(study.front_records)}
    for name, trial in chosen.items():
        if trial is not None:
            tags.setdefault(trial.number, []).append(name)
    return tags


def _interval(study: StudyReader, trial: TrialRecord) -> str:
    interval = study.header.sampling.interval(accuracy(trial))
    return f"<small>{percents(interval)}</small>" if interval else ""


def _cost_heads(study: StudyReader) -> list[str]:
    return [cost.heading for cost in study.objectives.shown]


def _cost_cells(study: StudyReader, trial: TrialRecord) -> str:
    texts = (cost.text(cost.of(trial)) for cost in study.objectives.shown)
    return "".join(f'<td class="number">{text}</td>' for text in texts)
