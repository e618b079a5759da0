"""What a study's front is of, in the words of its report: objectives, limits, and what is free of cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from results.storage.objectives import COSTS, Cost
from results.study import StudyReader


def front_lead(study: StudyReader) -> str:
    """Return what a point of the front is, what else was to be kept low, and what was allowed at most."""
    costs = study.objectives.costs
    if study.objectives.is_params:
        sentences = [
            "Every point is a trained network. Those on the front have the highest measured accuracy for "
            "their size: no other trial has fewer parameters and at least the same accuracy. Close "
            "neighbours may change places by chance; the table names those that are equal."
        ]
    else:
        titles = _joined([f"<strong>{cost.title}</strong>" for cost in costs])
        sentences = [
            f"Every point is a trained network. Accuracy was weighed against {titles}: no other trial is at "
            "least as accurate as one on the front and costs no more."
        ]
    if len(costs) > 1:
        sentences.append("The line in each picture is the front of accuracy and that cost alone.")
    if limits := _limits(study):
        allowed = [f"{cost.text(limit)} {_of_title(cost)}" for cost, limit in limits.items()]
        sentences.append(f"Allowed were at most {_joined(allowed)}.")
    if _may_share(study):
        held = dict.fromkeys(cost.title for cost in (*costs, *limits) if cost.name != "params")
        sentences.append(
            "Iterations of a level may share all their weights here, and then more of them (nu) cost hardly "
            "any parameters: "
            + (
                f"they are held back by {_joined(list(held))}."
                if held
                else "only the range of nu limits them."
            )
        )
    return " ".join(sentences)


def _of_title(cost: Cost) -> str:
    return f"{cost.unit} of {cost.title}" if cost.unit else cost.title


def _joined(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _section(study: StudyReader, name: str) -> Mapping[str, Any]:
    section = study.header.config.get(name)
    return section if isinstance(section, Mapping) else {}


def _limits(study: StudyReader) -> dict[Cost, float]:
    """Return the limits of the study by cost."""
    found: dict[Cost, float] = {}
    for cost in COSTS.values():
        limit = _section(study, "search" if cost.is_measured else "space").get(f"max_{cost.name}")
        if isinstance(limit, (int, float)):
            found[cost] = limit
    return found


def _may_share(study: StudyReader) -> bool:
    """Whether networks of the space may use the same operators, A and B, in all iterations of a level."""
    space = _section(study, "space")
    choices = [space.get(key) for key in ("share_a", "share_b")]
    words = [choice if isinstance(choice, list) else [choice] for choice in choices]
    return all(any(word in ("level", "network") for word in each) for each in words)
