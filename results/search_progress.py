"""The hypervolume of a search after each result, against time, epochs and energy.

Reference networks are not part of the search. Their epochs and energy are left out, and so is the time in which
only references trained.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from results.front import complete_trials, hypervolume_history
from results.storage.objectives import Objectives
from results.study import StudyReader

Interval = tuple[float, float]


@dataclass(frozen=True)
class Step:
    """The state of a search when a trial got its result.

    Attributes:
        num_results: The number of trials with a result.
        clock_s: Seconds of search on the study's clock, without pauses and without the time in which only
            references trained.
        epochs: Epochs of all trials of the search that had ended by then; a repeated epoch counts once.
        energy_j: Energy of the trainings with a result, in J. The energy of other trainings is not recorded.
        hypervolume: The hypervolume of the front, from 0 to 1.
    """

    num_results: int
    clock_s: float
    epochs: int
    energy_j: float
    hypervolume: float


@dataclass(frozen=True)
class SearchProgress:
    """The steps of a search, and what its axes leave out.

    Attributes:
        steps: One step for each result, in order.
        num_with_energy: The number of results with a recorded energy.
        num_without_energy: The number of other trained trials: stopped, paused, failed or not measured.
        references_s: Seconds in which only references trained.
        reference_epochs: Epochs of the references.
    """

    steps: tuple[Step, ...]
    num_with_energy: int
    num_without_energy: int
    references_s: float
    reference_epochs: int


def search_progress(study: StudyReader, objectives: Objectives | None = None) -> SearchProgress:
    """Return the hypervolume of a study after each result, against time, epochs and energy.

    Args:
        study: The study.
        objectives: Its objectives with other ranges, to compare studies; by default its own.
    """
    searched = {trial.number for trial in study.records}
    ends = sorted(end for number in searched for end in study.epoch_ends.get(number, ()))
    finished = sorted(
        (trial for trial in complete_trials(study.records) if trial.finished_s is not None),
        key=lambda trial: (trial.finished_s, trial.number),
    )
    energies = [trial.cost("energy_j") for trial in finished]
    gaps = _difference(
        _union(_trainings(study, {trial.number for trial in study.references})),
        _union(_trainings(study, searched)) if study.references else [],
    )
    history = hypervolume_history(study.records, objectives or study.objectives)
    steps = tuple(
        Step(count, clock_s - _length(gaps, clock_s), bisect_right(ends, clock_s), energy_j, volume)
        for count, ((clock_s, volume), energy_j) in enumerate(
            zip(history, accumulate(energy or 0.0 for energy in energies), strict=True), start=1
        )
    )
    num_with_energy = sum(energy is not None for energy in energies)
    num_trained = sum(trial.epochs > 0 for trial in study.records)
    return SearchProgress(
        steps,
        num_with_energy,
        num_trained - num_with_energy,
        _length(gaps, float("inf")),
        sum(trial.epochs for trial in study.references),
    )


def _trainings(study: StudyReader, numbers: set[int]) -> list[Interval]:
    """Return the begin and the end of each epoch of these trials on the study's clock."""
    return [
        (max(0.0, end - report.seconds), end)
        for number in numbers
        for end, report in zip(study.epoch_ends.get(number, ()), study.reports.get(number, ()), strict=False)
    ]


def _union(intervals: Sequence[Interval]) -> list[Interval]:
    """Return disjoint intervals in order that cover the same times."""
    union: list[Interval] = []
    for begin, end in sorted(intervals):
        if union and begin <= union[-1][1]:
            union[-1] = union[-1][0], max(end, union[-1][1])
        else:
            union.append((begin, end))
    return union


def _difference(intervals: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """Return the times in ``intervals`` and not in ``others``; both are disjoint and in order."""
    left: list[Interval] = []
    for begin, end in intervals:
        for other_begin, other_end in others:
            if other_end <= begin or other_begin >= end:
                continue
            if other_begin > begin:
                left.append((begin, other_begin))
            begin = max(begin, other_end)
        if begin < end:
            left.append((begin, end))
    return left


def _length(intervals: Sequence[Interval], until: float) -> float:
    """Return the total length of disjoint intervals before ``until``."""
    return sum(max(0.0, min(end, until) - begin) for begin, end in intervals)
