"""What compared studies must have in common, and the box of their hypervolume."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from results.front import complete_trials
from results.storage.objectives import Objectives, Range
from results.study import StudyReader
from space.core.errors import InvalidInputError, shown

Studies = Mapping[str, StudyReader]
"""The compared studies by their names."""


def check_same_problem(studies: Studies) -> None:
    """Raise InvalidInputError unless all studies have the same images, objectives and metric."""
    rules: dict[str, Callable[[StudyReader], Any]] = {
        "images and splits": lambda study: (
            study.header.data.get("name"),
            study.header.data.get("fingerprint"),
        ),
        "costs": lambda study: ", ".join(sorted(study.objectives.names)),
        "metric of accuracy": lambda study: "balanced" if study.header.is_balanced else "plain",
    }
    first, *others = studies
    for what, fact in rules.items():
        for other in others:
            mine, its = fact(studies[first]), fact(studies[other])
            if mine != its:
                raise InvalidInputError(
                    f"studies with different {what} cannot be compared: {first} has {_text(mine)}, "
                    f"{other} has {_text(its)}"
                )


def _text(fact: Any) -> str:
    return " ".join(map(str, fact)) if isinstance(fact, tuple) else shown(fact)


def common_objectives(studies: Sequence[StudyReader]) -> Objectives:
    """Return the objectives with ranges that include those of all studies.

    A measured cost has the range of all complete trials.
    """
    ranges: dict[str, Range | None] = {}
    for cost in studies[0].objectives.costs:
        bounds = [study.objectives.ranges[cost.name] for study in studies]
        values = [value for one in bounds for value in one or ()]
        if None in bounds:
            trials = [trial for study in studies for trial in complete_trials(study.records)]
            values += [value for value in map(cost.of, trials) if not math.isnan(value)] or [1.0]
        ranges[cost.name] = min(values), max(values)
    return Objectives(ranges)


def box_text(objectives: Objectives) -> str:
    """Return the box of the hypervolume as text."""
    axes = []
    for cost in objectives.costs:
        low, high = objectives.ranges[cost.name] or (math.nan, math.nan)
        axes.append(f"{cost.heading} {cost.text(low)} to {cost.text(high)} (logarithm)")
    return f"error 0 to 1, {', '.join(axes)}"
