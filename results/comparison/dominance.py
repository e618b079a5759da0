"""Which front dominates which: coverage, the combined front, and dominating networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from results.front import accuracy
from results.storage.objectives import Objectives
from results.storage.records import TrialRecord

if TYPE_CHECKING:
    from results.points import Points


class FrontPoint(NamedTuple):
    """One network of a study's front.

    Attributes:
        study: The name of the study.
        trial: The trial.
        values: Error and costs.
        on_combined_front: Whether no network of any study dominates it; equal networks all are on it.
        dominated_by: (study, trial) of the most accurate network of another study that dominates it; None without
            one.
    """

    study: str
    trial: TrialRecord
    values: tuple[float, ...]
    on_combined_front: bool
    dominated_by: tuple[str, int] | None


def front_points(fronts: Mapping[str, Sequence[TrialRecord]], objectives: Objectives) -> list[FrontPoint]:
    """Return the networks of all fronts, by study."""
    import numpy as np

    found = [(study, trial) for study, front in fronts.items() for trial in front]
    if not found:
        return []
    values = np.array([(1.0 - accuracy(trial), *objectives.values(trial)) for _, trial in found])
    studies = np.array([study for study, _ in found])
    points = []
    for place, (study, trial) in enumerate(found):
        mine = values[place]
        better = (values <= mine).all(axis=1) & (values < mine).any(axis=1) & (studies != study)
        by = None
        if better.any():
            best = min(np.flatnonzero(better), key=lambda row: tuple(values[row]))
            by = found[best][0], found[best][1].number
        points.append(FrontPoint(study, trial, tuple(mine.tolist()), by is None, by))
    return points


def merged(points: Sequence[FrontPoint]) -> Points:
    """Return the front of the networks of several fronts, n x d."""
    import numpy as np

    from results.pareto import is_nondominated

    values = np.array([point.values for point in points])
    front: Points = values[is_nondominated(values)] if len(values) else np.empty((0, 0))
    return front


def coverage(front: Points, other: Points) -> float | None:
    """Return the share of ``other`` that ``front`` weakly dominates (Zitzler and Thiele 1998).

    None if ``other`` is empty. The measure is not symmetric.
    """
    if not len(other):
        return None
    if not len(front):
        return 0.0
    covered = (front[:, None, :] <= other[None, :, :]).all(axis=2).any(axis=0)
    return float(covered.mean())
