"""The first section of the report: which network to use, by rules and by sliders."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from results.chosen import certified_front
from results.front import accuracy
from results.report.candidates import Candidate, candidates, card_body, named_choices
from results.report.html import command, escape
from results.report.section import Section
from results.storage.objectives import Cost
from results.study import StudyReader
from space.core.atomic_files import shell_word
from space.core.text import plural

_WHY = {
    "recommended": "the smallest within one standard error of the best",
    "best": "the highest accuracy",
    "knee": "the bend of the front",
}
_STEPS = 200
"""The positions of a slider of a budget, on a logarithmic scale."""


def chooser_section(study: StudyReader) -> Section | None:
    """Return the recommended network, the best, the knee, and sliders for other goals; None without a front."""
    offered = candidates(study)
    if not offered:
        return None
    html = _basis(study) + _cards(study, offered) + _sliders(study, offered) + _bodies(study, offered)
    return Section("choose", "What should I use?", html)


def chooser_data(study: StudyReader) -> dict[str, Any]:
    """Return what the page's script needs to choose: the candidates in order, with accuracies and costs."""
    return {
        "costs": list(study.objectives.names),
        "candidates": [
            {
                "trial": candidate.trial.number,
                "accuracy": accuracy(candidate.trial),
                "params": candidate.trial.params,
                "costs": list(study.objectives.values(candidate.trial)),
            }
            for candidate in candidates(study)
        ],
    }


def _basis(study: StudyReader) -> str:
    """Return what the accuracies are based on."""
    certification = study.certification
    if certification is not None and certified_front(study):
        seeds = plural(certification.seeds, "seed")
        return (
            f'<p class="basis"><strong>Certified.</strong> Each accuracy is the mean over {seeds} on '
            f"{plural(certification.num_images, 'held-out test image')}, with a 95 % interval. The rules and the "
            "sliders compare the mean validation accuracy: the test split selects nothing.</p>"
        )
    if study.header.plan:
        return (
            '<p class="basis"><strong>Not certified.</strong> The accuracies are those of the best seed of each '
            "network on the validation images.</p>"
        )
    return (
        '<p class="basis"><strong>Not certified.</strong> The accuracies are those of one training from one '
        "seed, on the validation images that also selected the network. The next command trains the front from "
        "several seeds and measures it once on held-out test images:</p>"
        f"{command(f'mgnas certify {shell_word(study.folder)}')}"
    )


def _cards(study: StudyReader, offered: Sequence[Candidate]) -> str:
    roles: dict[int, list[str]] = {}
    chosen = named_choices(study, offered)
    for name, candidate in chosen.items():
        roles.setdefault(candidate.trial.number, []).append(name)
    by_number = {candidate.trial.number: candidate for candidate in offered}
    cards = "".join(_card(study, by_number[number], names) for number, names in roles.items())
    return f'<div class="picks">{cards}</div>'


def _card(study: StudyReader, candidate: Candidate, roles: Sequence[str]) -> str:
    why = "; ".join(_WHY[role] for role in roles)
    return (
        f'<article class="pick"><h3>{" = ".join(roles)}</h3><p class="why">{why}</p>'
        f"{card_body(study, candidate)}</article>"
    )


def _sliders(study: StudyReader, offered: Sequence[Candidate]) -> str:
    """Return the two forms; the page's script shows them, for they need it."""
    first = study.objectives.costs[0].title
    smallest = (
        "smallest network"
        if study.objectives.costs[0].name == "params"
        else f"network with the lowest {first}"
    )
    rows = "".join(_budget_row(place, cost, offered) for place, cost in enumerate(study.objectives.costs))
    by_accuracy = _form("by-accuracy", f"{smallest} above an accuracy", _accuracy_row(offered))
    by_budget = _form("by-budget", "best network within a budget", rows)
    return f'<div class="picks" id="choosers" hidden>{by_accuracy}{by_budget}</div>'


def _form(name: str, title: str, rows: str) -> str:
    return (
        f'<form class="pick" id="{name}" aria-labelledby="{name}-title"><h3 id="{name}-title">{title}</h3>{rows}'
        '<div class="result" aria-live="polite"></div></form>'
    )


def _accuracy_row(offered: Sequence[Candidate]) -> str:
    values = [100 * accuracy(candidate.trial) for candidate in offered]
    low, high = math.floor(10 * min(values)) / 10, math.floor(10 * max(values)) / 10
    start = max(low, round(high - 1, 1))
    return _row(
        "accuracy",
        "validation accuracy of at least",
        "%",
        f'min="{low:g}" max="{high:g}" step="0.1" value="{start:g}"',
    )


def _budget_row(place: int, cost: Cost, offered: Sequence[Candidate]) -> str:
    values = [cost.of(candidate.trial) for candidate in offered]
    start = _STEPS // 2 if not place else _STEPS
    limits = f'data-low="{min(values)!r}" data-high="{max(values)!r}" data-cost="{place}"'
    return _row(
        cost.name, f"{cost.title} of at most", cost.unit, f'min="0" max="{_STEPS}" value="{start}" {limits}'
    )


def _row(name: str, label: str, unit: str, slider: str) -> str:
    return (
        f'<div class="row"><label for="{name}-slider">{label}</label>'
        f'<input type="range" id="{name}-slider" {slider}>'
        f'<span><input type="number" id="{name}-number" aria-label="{escape(label)}" min="0" step="any"> '
        f"{unit}</span></div>"
    )


def _bodies(study: StudyReader, offered: Sequence[Candidate]) -> str:
    """Return the content of the result cards, one template for each candidate."""
    return "".join(
        f'<template id="body-{candidate.trial.number}">{card_body(study, candidate)}</template>'
        for candidate in offered
    )
