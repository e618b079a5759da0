"""The first cards of the report: the recommended network, the best one and the knee, with export commands."""

from __future__ import annotations

from collections.abc import Sequence

from results.front import accuracy
from results.picks import GOALS, best
from results.plots.axes import short_cost
from results.report.html import escape, export_command, percent
from results.storage.records import TrialRecord
from results.study import StudyReader
from results.study_text import percents

_WHY = {
    "recommended": "the smallest within one standard error of the best",
    "best": "the highest accuracy",
    "knee": "the bend of the front",
}


def pick_cards(study: StudyReader) -> str:
    """Return a card for each of these networks; empty without a front."""
    if not study.front_records:
        return ""
    chosen = {"recommended": study.recommended, "best": best(study.front_records), "knee": study.knee}
    roles: dict[int, list[str]] = {}
    for name, trial in chosen.items():
        if trial is not None:
            roles.setdefault(trial.number, []).append(name)
    by_number = {trial.number: trial for trial in study.front_records}
    cards = "".join(_card(study, by_number[number], names) for number, names in roles.items())
    goals = " or ".join(f"<code>--pick {escape(repr(goal))}</code>" for goal in GOALS)
    return (
        f'<div class="picks">{cards}</div>'
        f'<p class="quiet">For another goal, export with {goals}; '
        "<code>--max-params</code> sets a limit.</p>"
    )


def _card(study: StudyReader, trial: TrialRecord, roles: Sequence[str]) -> str:
    interval = study.header.sampling.interval(accuracy(trial))
    facts = [f"95 % interval {percents(interval)}"] if interval else ["the interval is unavailable"]
    facts.append(f"{trial.params:,} parameters")
    costs = (cost for cost in study.objectives.costs if cost.name != "params")
    facts += [f"{cost.title} {short_cost(cost, cost.of(trial))}" for cost in costs]
    why = "; ".join(_WHY[role] for role in roles)
    return (
        f'<article class="pick"><h2>{" = ".join(roles)}</h2><p class="why">{why}</p>'
        f'<p class="figure">{percent(trial)}</p>'
        f'<p class="detail">{" · ".join(facts)} · trial {trial.number}</p>'
        f'<p class="command"><code>{escape(export_command(study, trial))}</code></p></article>'
    )
