"""What compared studies must have in common, and the box of their hypervolume."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from results.front import complete_trials
from results.storage.objectives import Objectives, Range
from results.study import StudyReader
from space.core.errors import InvalidInputError

Studies = Mapping[str, StudyReader]
"""The compared studies by their names."""


def check_same_problem(studies: Studies) -> None:
    """Raise InvalidInputError unless all are searches on the same images with the same objectives and metric."""
    for name, study in studies.items():
        if study.header.plan:
            raise InvalidInputError(
                f"{name} trains named networks ('mgnas train') and is no search; compare studies of 'mgnas search'"
            )
    rules: dict[str, Callable[[StudyReader], str]] = {
        "images or splits": lambda study: str(study.header.data.get("fingerprint")),
        "costs": lambda study: ", ".join(sorted(study.objectives.names)),
        "metrics": lambda study: "balanced accuracy" if study.header.is_balanced else "accuracy",
    }
    first, *others = studies
    for what, fact in rules.items():
        for other in others:
            mine, its = fact(studies[first]), fact(studies[other])
            if mine != its:
                raise InvalidInputError(
                    f"studies of different {what} cannot be compared: {first} has {mine}, {other} has {its}"
                )


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
