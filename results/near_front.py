"""Networks near the Pareto front: the validation images cannot distinguish them from the front."""

from __future__ import annotations

from results.front import accuracy, complete_trials
from results.storage.records import TrialRecord
from results.study import StudyReader


def near_front(study: StudyReader, most: int = 20) -> list[TrialRecord]:
    """Return the trials off the front that are equal to the best network of no higher costs, the nearest first.

    Accuracies are equal within one standard error; see ``results.intervals.Sampling.are_equal``.

    Args:
        study: The study.
        most: The largest number of trials.
    """
    front = [(study.objectives.values(trial), accuracy(trial)) for trial in study.front_records]
    on_front = {trial.number for trial in study.front_records}
    near = []
    for trial in complete_trials(study.records):
        if trial.number in on_front or not study.objectives.are_known(trial):
            continue
        costs = study.objectives.values(trial)
        rivals = [top for other, top in front if all(a <= b for a, b in zip(other, costs, strict=True))]
        top = max(rivals, default=accuracy(trial))
        if study.header.sampling.are_equal(accuracy(trial), top):
            near.append((top - accuracy(trial), trial.number, trial))
    return [trial for _, _, trial in sorted(near, key=lambda item: item[:2])[:most]]
