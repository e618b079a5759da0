"""The networks that the report offers first: the front, with the rules that choose from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from results.certification.records import CertifiedNetwork
from results.chosen import certified_front
from results.front import accuracy
from results.picks import best, knee, recommended
from results.report.details import certified_names
from results.report.html import (
    certified_export_command,
    command,
    details_button,
    details_name,
    escape,
    export_command,
    percent_text,
)
from results.storage.objectives import COSTS
from results.storage.records import TrialRecord
from results.study import StudyReader
from results.study_text import percents


@dataclass(frozen=True)
class Candidate:
    """A network that the user may choose.

    Attributes:
        trial: The training that is exported. Its ``val_accuracy`` is the accuracy that the rules compare.
        details: The name of its details in the page.
        figure: The accuracy that is shown, as text.
        note: The interval of the figure, as text.
        name: What users call the network.
        export: The command that exports the network.
    """

    trial: TrialRecord
    details: str
    figure: str
    note: str
    name: str
    export: str


def candidates(study: StudyReader) -> list[Candidate]:
    """Return the certified front, or else the front of the search, by ascending first cost.

    The rules compare validation accuracies, also after a certification: the test split selects nothing.
    """
    if certified := certified_front(study):
        details = certified_names(study)
        return [_certified(study.folder, network, details[network.arch]) for network in certified]
    return [_of_trial(study, trial) for trial in study.front_records]


def _of_trial(study: StudyReader, trial: TrialRecord) -> Candidate:
    interval = study.header.sampling.interval(accuracy(trial))
    return Candidate(
        trial,
        details_name(trial),
        percent_text(accuracy(trial)),
        f"95 % interval {percents(interval)}" if interval else "the interval is unavailable",
        f"trial {trial.number}",
        export_command(study.folder, trial),
    )


def _certified(folder: Path, network: CertifiedNetwork, details: str) -> Candidate:
    test, val = network.test, network.val
    return Candidate(
        replace(network.exported, val_accuracy=val.mean),
        details,
        percent_text(test.mean),
        f"test, 95 % interval {percents((test.low, test.high))} · validation {percent_text(val.mean)}",
        network.name,
        certified_export_command(folder, network),
    )


def named_choices(study: StudyReader, offered: Sequence[Candidate]) -> dict[str, Candidate]:
    """Return the recommended network, the best and the knee; a front without a knee has two of them."""
    trials = [candidate.trial for candidate in offered]
    if not trials:
        return {}
    sampling = study.header.sampling
    errors = {network.exported.number: network.val.error for network in certified_front(study)}
    found = {
        "recommended": recommended(trials, study.objectives, sampling, errors),
        "best": best(trials),
        "knee": knee(trials, study.objectives, sampling),
    }
    places = {id(trial): place for place, trial in enumerate(trials)}
    return {name: offered[places[id(trial)]] for name, trial in found.items() if trial is not None}


def card_body(study: StudyReader, candidate: Candidate) -> str:
    """Return the content of a card: accuracy, costs, network, and the command that exports it."""
    trial = candidate.trial
    costs = dict.fromkeys(("params", *study.objectives.columns))
    facts = [candidate.note, *(cost_text(trial, name) for name in costs), escape(candidate.name)]
    button = details_button(candidate.details, "details", f"details of {candidate.name}")
    return (
        f'<p class="figure">{candidate.figure}</p><p class="detail">{" · ".join(facts)}</p>'
        f'<p class="network"><code>{escape(trial.notation)}</code> {button}</p>{command(candidate.export)}'
    )


def cost_text(trial: TrialRecord, name: str) -> str:
    """Return a cost with its title, such as ``3,145 parameters`` or ``latency 0.41 ms``."""
    cost = COSTS[name]
    text = cost.text(cost.of(trial))
    return f"{cost.title} {text} {cost.unit}" if cost.unit else f"{text} {cost.title}"
