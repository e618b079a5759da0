"""The introduction of the front in the report: objectives, limits, and hyperparameters without a cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from results.report.html import escape
from results.storage.objectives import COSTS, Cost
from results.study import StudyReader


def front_lead(study: StudyReader) -> str:
    """Return the objectives and limits of the study as sentences of HTML."""
    costs = study.objectives.costs
    if study.objectives.is_params:
        sentences = [
            "Each point is a trained network. A network is on the front if no other trial has fewer "
            "parameters and at least the same accuracy. Differences between neighbours may be chance; the "
            "table lists equal networks."
        ]
    else:
        titles = _joined([f"<strong>{cost.title}</strong>" for cost in costs])
        sentences = [
            f"Each point is a trained network. The search maximised accuracy and minimised {titles}. A "
            "network is on the front if no other trial has at least the same accuracy and no higher cost."
        ]
    if len(costs) > 1:
        sentences.append("The line in each chart is the front of accuracy and that cost alone.")
    limits = {COSTS[name]: limit for name, limit in study.objectives.limits.items()}
    if target := _section(study, "target"):
        device = f" ({target['description']})" if target.get("description") else ""
        sentences.append(escape(f"The search was for the target {target.get('name')}{device}."))
    if limits:
        allowed = [f"{cost.text(limit)} {_of_title(cost)}" for cost, limit in limits.items()]
        sentences.append(f"The limits were {_joined(allowed)}.")
    if _may_share(study) and not study.header.plan:
        held = dict.fromkeys(cost.title for cost in (*costs, *limits) if cost.name != "params")
        sentences.append(
            "In this space, the iterations of a level can share all their weights. Further iterations (nu) "
            "then add almost no parameters; "
            + (
                f"their number is limited by {_joined(list(held))}."
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


def _may_share(study: StudyReader) -> bool:
    """Return whether networks of the space can share both operators, A and B, in all iterations of a level."""
    space = _section(study, "space")
    choices = [space.get(key) for key in ("share_a", "share_b")]
    words = [choice if isinstance(choice, list) else [choice] for choice in choices]
    return all(any(word in ("level", "network") for word in each) for each in words)
