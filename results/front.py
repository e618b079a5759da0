"""The Pareto front of validation accuracy (up) against parameters (down), and what is read off it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from results.indicators import hypervolume
from results.records import TrialRecord
from space.errors import InvalidInputError, nearest

PICKS = ("best", "knee", "smallest")


def complete_trials(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return the trials that have a result, in the order given: those that ``accuracy`` takes."""
    return [trial for trial in trials if trial.state == "complete" and trial.val_accuracy is not None]


def accuracy(trial: TrialRecord) -> float:
    """Return the validation accuracy of a complete trial, from 0 to 1."""
    assert trial.val_accuracy is not None, f"trial {trial.number} has no accuracy"
    return trial.val_accuracy


def pareto_front(trials: Iterable[TrialRecord]) -> list[TrialRecord]:
    """Return the complete trials that no other beats, from the fewest parameters to the most.

    Of trials equal in both objectives the one with the lowest number stays.
    """
    front: list[TrialRecord] = []
    best = -math.inf
    for trial in sorted(complete_trials(trials), key=lambda t: (t.params, -accuracy(t), t.number)):
        if accuracy(trial) > best:
            front.append(trial)
            best = accuracy(trial)
    return front


def front_hypervolume(trials: Iterable[TrialRecord], params_range: tuple[int, int]) -> float:
    """Return the share of the objective box that the complete trials dominate, from 0 to 1.

    The box spans the error 1 - accuracy from 0 to 1, and log(parameters) from the smallest network of
    the space to the largest; so studies of one space compare, whatever they have found.
    """
    low, high = (math.log(bound) for bound in params_range)
    span = max(high - low, 1e-12)
    points = [(1.0 - accuracy(t), max(0.0, (math.log(t.params) - low) / span)) for t in pareto_front(trials)]
    return hypervolume(points, (1.0, 1.0))


def hypervolume_history(
    trials: Iterable[TrialRecord], params_range: tuple[int, int]
) -> list[tuple[float, float]]:
    """Return (seconds on the study's clock, hypervolume) after each complete trial, in order of time."""
    finished = [(t.finished_s, t) for t in complete_trials(trials) if t.finished_s is not None]
    finished.sort(key=lambda pair: (pair[0], pair[1].number))
    history: list[tuple[float, float]] = []
    front: list[TrialRecord] = []
    for finished_s, trial in finished:
        front = pareto_front([*front, trial])
        history.append((finished_s, front_hypervolume(front, params_range)))
    return history


GROWTH = 1e-3
"""Growth of the hypervolume, in parts of it, from which a front counts as still growing."""


def trials_since_growth(trials: Iterable[TrialRecord], params_range: tuple[int, int]) -> int:
    """Return how many trials have begun since one last made the front's hypervolume grow.

    Growth of less than a thousandth does not count, but adds up. Before the first result it is 0.
    """
    trials = list(trials)
    front: list[TrialRecord] = []
    last_s, reached = 0.0, 0.0
    for trial in sorted(complete_trials(trials), key=lambda t: (t.finished_s or 0.0, t.number)):
        front = pareto_front([*front, trial])
        found = front_hypervolume(front, params_range)
        if not reached or found > reached * (1.0 + GROWTH):
            reached, last_s = found, trial.finished_s or 0.0
    return sum(trial.started_s >= last_s for trial in trials) if front else 0


def knee(front: Sequence[TrialRecord]) -> TrialRecord:
    """Return the point that lies farthest above the line between the front's ends.

    Distances are taken over log(parameters) and accuracy, each scaled to the range of the front. A front
    of one or two points has no knee: its most accurate point is returned.
    """
    if len(front) <= 2:
        return front[-1]
    first, last = front[0], front[-1]

    def height(trial: TrialRecord) -> float:
        cost = math.log(trial.params / first.params) / math.log(last.params / first.params)
        gain = (accuracy(trial) - accuracy(first)) / (accuracy(last) - accuracy(first))
        return gain - cost

    return max(front, key=height)


def pick(front: Sequence[TrialRecord], how: str, max_params: int | None = None) -> TrialRecord:
    """Return one trial of the front: the ``best`` in accuracy, the ``knee``, or the ``smallest``.

    Raises:
        InvalidInputError: unknown ``how``, the front is empty, or it has nothing of at most ``max_params``.
    """
    if how not in PICKS:
        raise InvalidInputError(
            f"pick must be one of {', '.join(PICKS)}, but got {how!r}{nearest(how, PICKS)}"
        )
    if not front:
        raise InvalidInputError("the study has no finished trial yet, so there is nothing to pick from")
    allowed = [t for t in front if max_params is None or t.params <= max_params]
    if not allowed:
        raise InvalidInputError(
            f"no network on the front has at most {max_params} parameters; the smallest has {front[0].params}"
        )
    if how == "best":
        return allowed[-1]
    return allowed[0] if how == "smallest" else knee(allowed)
