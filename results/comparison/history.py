"""The hypervolume of a study over search time and over epochs, in a common box."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from results.front import FrontHistory, complete_trials
from results.storage.objectives import Objectives
from results.storage.study_files import reading_ledger
from results.study import StudyReader


@dataclass(frozen=True)
class Step:
    """The hypervolume after one complete trial.

    Attributes:
        trial: The number of the trial.
        finished_s: The time when it ended, on the study's clock.
        epochs: The epochs that all trials of the search had trained by then.
        hypervolume: The share of the common box that the front dominates.
    """

    trial: int
    finished_s: float
    epochs: int
    hypervolume: float


def history_of(study: StudyReader, objectives: Objectives) -> list[Step]:
    """Return one step for each complete trial with all costs, by ascending time."""
    ended = [trial for trial in complete_trials(study.records) if objectives.are_known(trial)]
    ended.sort(key=lambda trial: (trial.finished_s or 0.0, trial.number))
    times = _epoch_ends(study) if ended else []
    history, steps = FrontHistory(objectives), []
    for trial in ended:
        history.add(trial)
        clock_s = trial.finished_s or 0.0
        steps.append(Step(trial.number, clock_s, bisect_right(times, clock_s), history.hypervolume))
    return steps


def _epoch_ends(study: StudyReader) -> list[float]:
    """Return the times at which epochs of the search ended, ascending; a repeated epoch counts once."""
    searched = {trial.number for trial in study.records}
    with reading_ledger(study.folder) as ledger:
        timeline = ledger.timeline()
    return [event.clock_s for event in timeline if event.kind == "report" and event.trial in searched]


def hypervolume_at(steps: list[Step], epochs: int) -> float:
    """Return the hypervolume when this number of epochs was trained; 0 before the first result."""
    reached = [step.hypervolume for step in steps if step.epochs <= epochs]
    return reached[-1] if reached else 0.0
