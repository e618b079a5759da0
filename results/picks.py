"""Picks from a front: the recommended network, the best, the knee, and networks that meet a goal."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from results.front import TINY, accuracy
from results.intervals import Sampling
from results.storage.objectives import COSTS, PARAMS, Objectives
from results.storage.records import TrialRecord
from space.core.errors import InvalidInputError, nearest, shown

RECOMMENDED = "within-1se"
NAMED_PICKS = (RECOMMENDED, "best", "knee", "smallest")
GOALS = ("accuracy>=0.97", "within=1pt")
"""Examples of goals; users replace the numbers."""
PICKS = ", ".join((*NAMED_PICKS, *(f"'{goal}'" for goal in GOALS)))
"""All picks, as text for help and errors."""
KNEE_SHARE = 0.95
"""The smallest fraction of the best network's advantage over chance that a candidate for the knee has."""

_ON_THE_LINE = 1e-9
_ROUNDING = 1e-9
_NUMBER = r"\s*(?P<number>\d+\.?\d*|\.\d+)\s*"
_AT_LEAST = re.compile(rf"accuracy\s*>={_NUMBER}(?P<percent>%?)")
_WITHIN = re.compile(rf"within\s*={_NUMBER}(pt|pts|points?)")
UNKNOWN = Sampling()
NO_ERRORS: Mapping[int, float] = MappingProxyType({})


def best(front: Sequence[TrialRecord]) -> TrialRecord:
    """Return the most accurate network of a front. Ties go to the fewest parameters."""
    return max(front, key=lambda trial: (accuracy(trial), -trial.params))


def smallest(front: Sequence[TrialRecord], objectives: Objectives = PARAMS) -> TrialRecord:
    """Return the network with the lowest first cost, by default parameters. Ties go to the most accurate."""
    return min(front, key=lambda trial: (objectives.costs[0].of(trial), -accuracy(trial)))


def smallest_from(
    front: Sequence[TrialRecord], least: float, objectives: Objectives = PARAMS
) -> TrialRecord | None:
    """Return the network with the lowest first cost and an accuracy of at least ``least`` (0 to 1).

    None if no network has this accuracy.
    """
    reached = [trial for trial in front if accuracy(trial) >= least - _ROUNDING]
    return smallest(reached, objectives) if reached else None


def best_within(front: Sequence[TrialRecord], limits: Mapping[str, float]) -> TrialRecord | None:
    """Return the most accurate network whose costs exceed no limit.

    Args:
        front: The networks. All costs with a limit are known.
        limits: The largest value of each cost by its name; other costs have no limit.

    Returns:
        The network; None if every network exceeds a limit.
    """
    allowed = [
        trial
        for trial in front
        if all(COSTS[name].of(trial) <= limit * (1 + _ROUNDING) for name, limit in limits.items())
    ]
    return best(allowed) if allowed else None


def recommended(
    front: Sequence[TrialRecord],
    objectives: Objectives = PARAMS,
    sampling: Sampling = UNKNOWN,
    errors: Mapping[int, float] = NO_ERRORS,
) -> TrialRecord:
    """Return the smallest network within one standard error of the best.

    This is the one-standard-error rule (Breiman et al. 1984). The validation images cannot distinguish these
    networks from the best; the rule picks the cheapest. "Smallest" means the lowest first cost of the study.

    Args:
        front: The networks.
        objectives: The objectives of the study.
        sampling: The sampling error of the accuracies.
        errors: Standard errors by trial number, for accuracies that are means over several seeds.
    """
    top = best(front)
    error = errors.get(top.number, sampling.error(accuracy(top)))
    least = accuracy(top) - error - _ROUNDING
    return smallest([trial for trial in front if accuracy(trial) >= least], objectives)


def knee(
    front: Sequence[TrialRecord], objectives: Objectives = PARAMS, sampling: Sampling = UNKNOWN
) -> TrialRecord | None:
    """Return the knee of a front; None if it has no knee.

    The knee is the candidate with the largest distance above a chord. Candidates fulfil two conditions:

    - The 95 % interval of the accuracy lies above chance.
    - ``a >= floor = chance + 0.95 (a_best - chance)``, where 0.95 is ``KNEE_SHARE``.

    Without these conditions, networks near chance stretch the axes, and the knee is a poor network. The chord
    runs from (lowest cost of the candidates, floor) to the best network. If all networks are candidates, it
    starts at the lowest accuracy. The axes are accuracy and log(cost), scaled to their ranges; several costs
    are averaged. A front of fewer than three networks, or with fewer than two candidates, has no knee.
    """
    if len(front) <= 2:
        return None
    top = accuracy(best(front))
    floor = sampling.chance + KNEE_SHARE * (top - sampling.chance)
    good = [t for t in front if accuracy(t) >= floor - _ROUNDING and sampling.is_above_chance(accuracy(t))]
    if len(good) < 2:
        return None
    low = floor if len(good) < len(front) else min(map(accuracy, good))
    heights = _heights(good, objectives, low, top)
    highest = max(heights)
    return good[heights.index(highest)] if highest > _ON_THE_LINE else None


def _heights(trials: Sequence[TrialRecord], objectives: Objectives, low: float, top: float) -> list[float]:
    """Return the distance of each network above the chord from (lowest cost, low) to (highest cost, top)."""
    logs = [[math.log(max(value, TINY)) for value in objectives.values(trial)] for trial in trials]
    columns = list(zip(*logs, strict=True))
    lows, spans = list(map(min, columns)), [max(max(one) - min(one), TINY) for one in columns]
    heights = []
    for trial, row in zip(trials, logs, strict=True):
        shares = [(value - least) / span for value, least, span in zip(row, lows, spans, strict=True)]
        heights.append((accuracy(trial) - low) / max(top - low, TINY) - sum(shares) / len(shares))
    return heights


def pick(
    front: Sequence[TrialRecord],
    how: str = RECOMMENDED,
    max_params: int | None = None,
    objectives: Objectives = PARAMS,
    sampling: Sampling = UNKNOWN,
    errors: Mapping[int, float] = NO_ERRORS,
) -> TrialRecord:
    """Return one network of a front.

    Args:
        front: The networks.
        how: ``within-1se``, see ``recommended``; ``best``, the most accurate; ``knee``, or the best network
            of a front without a knee; ``smallest``; ``accuracy>=0.97`` or ``accuracy>=97%``, the smallest
            network with this accuracy; ``within=1pt``, the smallest network within one percentage point of
            the best.
        max_params: The largest number of parameters; None for no limit.
        objectives: The objectives of the study; the first cost orders the networks.
        sampling: The sampling error of the accuracies.
        errors: Standard errors by trial number, for accuracies that are means over several seeds.

    Raises:
        InvalidInputError: ``how`` is unknown, the front is empty, or no network meets the goal.
    """
    least, points = _goal(how)
    if not front:
        raise InvalidInputError("the study has no finished trial yet, so there is nothing to pick from")
    allowed = [t for t in front if max_params is None or t.params <= max_params]
    if not allowed:
        raise InvalidInputError(
            f"no network on the front has at most {max_params} parameters; the smallest has "
            f"{smallest(front).params}"
        )
    top = best(allowed)
    if points is not None:
        least = accuracy(top) - points / 100
    if least is not None:
        return _smallest_from(allowed, least, how, max_params, objectives)
    if how == RECOMMENDED:
        return recommended(allowed, objectives, sampling, errors)
    if how == "smallest":
        return smallest(allowed)
    return top if how == "best" else knee(allowed, objectives, sampling) or top


def _smallest_from(
    allowed: Sequence[TrialRecord], least: float, how: str, max_params: int | None, objectives: Objectives
) -> TrialRecord:
    found = smallest_from(allowed, least, objectives)
    if found is None:
        top = best(allowed)
        limit = f" of at most {max_params} parameters" if max_params is not None else ""
        raise InvalidInputError(
            f"no network on the front{limit} has {how}; the best one, {top.notation}, has "
            f"{100 * accuracy(top):.2f} %; lower the goal or search longer"
        )
    return found


def _goal(how: str) -> tuple[float | None, float | None]:
    """Return the lowest accuracy of a goal, or its largest distance to the best in percentage points.

    A named pick has neither: both are None.

    Raises:
        InvalidInputError: ``how`` is neither the name of a pick nor a goal.
    """
    if how in NAMED_PICKS:
        return None, None
    if match := _AT_LEAST.fullmatch(how.strip()):
        least = float(match["number"]) / (100 if match["percent"] else 1)
        if least > 1:
            raise InvalidInputError(
                f"pick {shown(how)}: accuracy is a share from 0 to 1; "
                "write 'accuracy>=0.97' or 'accuracy>=97%'"
            )
        return least, None
    if match := _WITHIN.fullmatch(how.strip()):
        return None, float(match["number"])
    # in a goal without quotes, the shell takes > as a redirection
    hint = "; put the goal in quotes" if how.strip() == "accuracy" else nearest(how, NAMED_PICKS)
    raise InvalidInputError(f"pick must be one of {PICKS}, but got {shown(how)}{hint}")
