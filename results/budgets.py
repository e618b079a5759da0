"""The budgets of a study and the spent one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from results.front import trials_since_growth
from results.storage.objectives import Objectives
from results.storage.records import PlannedTraining, StudyHeader, TrialRecord
from space.core.text import plural


def untrained(plan: Iterable[PlannedTraining], trials: Iterable[TrialRecord]) -> list[PlannedTraining]:
    """Return the trainings of ``plan`` without a finished trial."""
    ended = {(trial.notation, trial.seed) for trial in trials if trial.has_ended}
    return [training for training in plan if training not in ended]


def what_is_spent(header: StudyHeader, trials: Sequence[TrialRecord], searched_s: float) -> str | None:
    """Return the spent budget of a study as text; None while the study can continue.

    Running trials finish first. With any budgets, at least one training is completed.

    Args:
        header: The budgets.
        trials: The trials without references.
        searched_s: The time on the study's clock.
    """
    if header.plan:
        done = (
            "its one training is done"
            if len(header.plan) == 1
            else f"all {len(header.plan)} trainings are done"
        )
        return None if untrained(header.plan, trials) else done
    num_ended = sum(trial.has_ended for trial in trials)
    if num_ended >= header.trials:
        if num_ended == header.trials == 1:
            return "its one trial is done"
        asked = "all" if num_ended == header.trials else f"{header.trials} asked for,"
        return f"{asked} {num_ended} trials are done"
    if header.exhausted and num_ended == len(trials):
        return "every network of its space within the limits was tried"
    states = {trial.state for trial in trials}
    if not states or "running" in states or ("paused" in states and "complete" not in states):
        return None
    if header.hours is not None and searched_s >= header.hours * 3600:
        return f"its {header.hours:g} hours are spent"
    if header.epochs is not None and sum(trial.epochs for trial in trials) >= header.epochs:
        return f"its {header.epochs} epochs are spent"
    if header.patience is not None and trials_since_growth(trials, Objectives.of(header)) >= header.patience:
        return f"its front has not grown for {plural(header.patience, 'trial')}"
    return None
