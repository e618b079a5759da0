"""The predicted end of a search, from its trials, the rate of epochs and the predictions of calibration."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

from results.storage.ledger_reader import TimelineEvent
from results.storage.records import StudyHeader, TrialRecord
from space.core.reports import EpochReport
from space.core.text import duration

RATE_WINDOW_S = 300.0
"""The window of the rate: the epochs that ended in these seconds before now."""
RECENT_TRIALS = 20
"""The predicted time of a new training is the mean over this number of the latest ones."""
LEAST_TRIALS = 3
"""The smallest number of trials whose epochs predict those of others."""
LEAST_SHARE = 0.1
"""The smallest remaining fraction of an epoch of a running training: its last steps and measurements."""
MOST_SIMULATED = 2000
"""The largest number of trainings that are placed on workers one by one; more are spread evenly."""


@dataclass
class Activity:
    """The events of the current run of a study; times are seconds on the study's clock.

    Attributes:
        began_s: The time when the run began.
        workers: The number of workers.
        rungs: The epochs at which trainings can pause. The last one is the final epoch.
        last_s: The time of the latest event of each trial.
        predicted: The seconds of an epoch of each trial, predicted by calibration.
        epoch_ends_s: The end times of epochs within ``RATE_WINDOW_S``.
    """

    began_s: float = 0.0
    workers: int = 1
    rungs: tuple[int, ...] = ()
    last_s: dict[int, float] = field(default_factory=dict)
    predicted: dict[int, float] = field(default_factory=dict)
    epoch_ends_s: deque[float] = field(default_factory=deque)

    @classmethod
    def read(cls, timeline: Iterable[TimelineEvent]) -> Activity:
        """Return the activity of the latest run in a ledger."""
        found = cls()
        for one in timeline:
            detail = one.detail or {}
            if one.kind == "begin":
                rungs = tuple(detail.get("rungs", ()))
                found = cls(one.clock_s, detail.get("workers", 1), rungs, predicted=found.predicted)
            elif one.kind == "report" and one.trial is not None:
                found.end_epoch(one.trial, one.clock_s)
            elif one.kind == "predict":
                found.predict(detail["trial"], detail["epoch_s"], one.clock_s)
            elif one.kind == "retire":
                found.workers = detail.get("num_left", found.workers)
            elif one.trial is not None:
                found.last_s[one.trial] = one.clock_s
        return found

    def end_epoch(self, trial: int, clock_s: float) -> None:
        """Add the end of an epoch."""
        self.last_s[trial] = clock_s
        self.epoch_ends_s.append(clock_s)
        while self.epoch_ends_s[0] < clock_s - RATE_WINDOW_S:
            self.epoch_ends_s.popleft()

    def predict(self, trial: int, epoch_s: float, clock_s: float) -> None:
        """Add the start of a training's first epoch, with the predicted seconds of an epoch."""
        self.last_s[trial] = clock_s
        self.predicted[trial] = epoch_s

    def epochs_per_min(self, clock_s: float) -> float | None:
        """Return the rate of epochs of all workers; None before the first epoch of this run."""
        since_s = max(self.began_s, clock_s - RATE_WINDOW_S)
        num = sum(end_s >= since_s for end_s in self.epoch_ends_s)
        return 60 * num / max(clock_s - since_s, 1.0) if num else None

    def until(self, record: TrialRecord) -> int:
        """Return the next epoch at which a running training can pause or ends."""
        if record.reference is not None:
            return record.max_epochs
        return next((rung for rung in self.rungs if rung > record.epochs), record.max_epochs)


@dataclass(frozen=True)
class Forecast:
    """The predicted end of a search.

    Attributes:
        left_s: The remaining seconds; None while unknown.
        over_s: The seconds beyond the budget of hours, including elapsed ones.
        epochs: The remaining epochs of all trainings.
        energy_j: The energy of these epochs in joules, from that of complete trainings; None while unknown.
    """

    left_s: float | None
    over_s: float = 0.0
    epochs: float = field(default=0.0, compare=False)
    energy_j: float | None = field(default=None, compare=False)


def forecast(
    header: StudyHeader,
    records: Sequence[TrialRecord],
    curves: Mapping[int, Sequence[EpochReport]],
    activity: Activity,
    clock_s: float,
) -> Forecast:
    """Return the predicted end of a search.

    The prediction schedules running and new trainings on the workers.

    Args:
        header: The study's budgets and configuration.
        records: All trials, references included.
        curves: The epochs of each trial.
        activity: The events of the current run.
        clock_s: The current time on the study's clock.
    """
    slowdown = _slowdown(curves, activity)
    epoch_s = {record.number: _epoch_s(record, curves, activity, slowdown) for record in records}
    known = [epoch_s[record.number] for record in records if record.reference is None]
    recent = [value for value in known if value is not None][-RECENT_TRIALS:]
    running = [record for record in records if record.state == "running"]
    usual_s = fmean(recent) if recent else None
    num_new = _num_new(header, records, activity)
    if usual_s is None and (running or num_new):
        return Forecast(None)
    ends = [
        _remaining_s(record, epoch_s[record.number] or usual_s or 0.0, activity, clock_s)
        for record in running
    ]
    hours_left_s = None if header.hours is None else header.hours * 3600 - clock_s
    of_new = epochs_of_new(header, records, activity.rungs)
    left_s = _last_end_s(ends, activity.workers, num_new, of_new * (usual_s or 0.0), hours_left_s)
    epochs = num_new * of_new + sum(activity.until(record) - record.epochs for record in running)
    energy_j = _energy_of_an_epoch_j(records)
    return Forecast(
        left_s,
        0.0 if hours_left_s is None else max(0.0, left_s - hours_left_s),
        epochs,
        None if energy_j is None else epochs * energy_j,
    )


def _energy_of_an_epoch_j(records: Sequence[TrialRecord]) -> float | None:
    """Return the mean energy of an epoch of the complete trainings; None where no energy was measured."""
    measured = [
        (record.training_costs.energy_j, record.epochs)
        for record in records
        if record.training_costs is not None and record.training_costs.energy_j is not None and record.epochs
    ]
    if not measured:
        return None
    return sum(energy_j for energy_j, _ in measured) / sum(epochs for _, epochs in measured)


def overshoot_text(hours: float, expected: Forecast) -> str:
    """Return the message for trainings that end after the budget of hours."""
    over = duration(expected.over_s)
    return f"the {hours:g} hours are exceeded by about {over}, because running trainings are completed"


def epochs_of_new(header: StudyHeader, records: Sequence[TrialRecord], rungs: Sequence[int]) -> float:
    """Return the predicted number of epochs of a new trial.

    Without rungs, it is the length of a complete training. With rungs, it is the mean of the latest trials.
    With fewer than ``LEAST_TRIALS`` trials, it assumes a promotion rate of 1 / ``reduction`` at each rung. The
    scheduler freeze_thaw has no such rate; it is assumed to complete every training, an upper bound.
    """
    if not rungs:
        return float(_section(header, "train").get("epochs", 1))
    done = [record.epochs for record in records if record.reference is None and record.state != "running"]
    if len(rungs) > 1 and len(done) >= LEAST_TRIALS:
        return max(1.0, fmean(done[-RECENT_TRIALS:]))
    if _section(header, "search").get("scheduler") == "freeze_thaw":
        return float(rungs[-1])
    reduction = float(_section(header, "search").get("reduction", 1) or 1)
    before = (0, *rungs[:-1])
    return sum((rung - last) / reduction**i for i, (rung, last) in enumerate(zip(rungs, before, strict=True)))


def _section(header: StudyHeader, name: str) -> dict[str, Any]:
    section = header.config.get(name)
    return section if isinstance(section, dict) else {}


def _slowdown(curves: Mapping[int, Sequence[EpochReport]], activity: Activity) -> float:
    """Return the median of measured over predicted seconds of an epoch, of the latest trials.

    Calibration measures a step without input and output, and other trainings share cores and memory bandwidth.
    It is 1 with fewer than ``LEAST_TRIALS`` trials: the first epoch of a worker takes longer than all others.
    """
    ratios = [
        fmean(report.seconds for report in curves[trial]) / epoch_s
        for trial, epoch_s in activity.predicted.items()
        if epoch_s > 0 and curves.get(trial)
    ]
    return median(ratios[-RECENT_TRIALS:]) if len(ratios) >= LEAST_TRIALS else 1.0


def _epoch_s(
    record: TrialRecord,
    curves: Mapping[int, Sequence[EpochReport]],
    activity: Activity,
    slowdown: float,
) -> float | None:
    """Return the seconds of an epoch of a trial: measured, otherwise predicted, otherwise None.

    A prediction is multiplied by ``slowdown``.
    """
    if record.epochs and record.train_s and record.state != "running":
        return record.train_s / record.epochs
    if reports := curves.get(record.number):
        return fmean(report.seconds for report in reports)
    predicted_s = activity.predicted.get(record.number)
    return None if predicted_s is None else predicted_s * slowdown


def _remaining_s(record: TrialRecord, epoch_s: float, activity: Activity, clock_s: float) -> float:
    since_s = max(0.0, clock_s - max(activity.last_s.get(record.number, clock_s), activity.began_s))
    if not record.epochs and record.number not in activity.predicted:
        since_s = 0.0  # its worker still starts or calibrates
    epoch_s = max(epoch_s, since_s)  # an overdue epoch takes at least the elapsed time
    return max((activity.until(record) - record.epochs) * epoch_s - since_s, LEAST_SHARE * epoch_s, 1.0)


def _num_new(header: StudyHeader, records: Sequence[TrialRecord], activity: Activity) -> int:
    """Return the number of new trials within the budgets, references included."""
    searched = [record for record in records if record.reference is None]
    num_new = 0 if header.exhausted else max(0, header.trials - len(searched))
    if header.epochs is not None:
        planned = sum(
            activity.until(record) if record.state == "running" else record.epochs for record in searched
        )
        of_each = epochs_of_new(header, records, activity.rungs)
        num_new = min(num_new, math.ceil((header.epochs - planned) / of_each))
    begun = {record.reference for record in records}
    missing = [name for name in header.config.get("references", ()) if name not in begun]
    return max(0, num_new) + len(missing)


def _last_end_s(
    ends: list[float], workers: int, num_new: int, new_s: float, hours_left_s: float | None
) -> float:
    """Return the end of the last training. New ones start on the first free worker within the hours."""
    slots = [0.0] * max(workers, 1)
    for end_s in sorted(ends):  # interrupted trainings can outnumber the workers
        heapq.heapreplace(slots, slots[0] + end_s)
    for _ in range(min(num_new, MOST_SIMULATED)):
        if hours_left_s is not None and slots[0] >= hours_left_s:
            return max(slots)
        heapq.heapreplace(slots, slots[0] + new_s)
    left_s = max(slots) + max(0, num_new - MOST_SIMULATED) * new_s / max(workers, 1)
    return left_s if hours_left_s is None else min(left_s, max(max(slots), hours_left_s + new_s))
