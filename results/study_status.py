"""The progress of a study: counts of trials; for a running search its trainings, rate and remaining time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from results.forecast import Activity, Forecast, forecast
from results.running_jobs import RunningJob, rung_populations, running_jobs, trials_per_hour
from results.storage.driver_lock import locked_since
from results.storage.ledger_reader import LedgerReader, TimelineEvent
from results.storage.records import StudyHeader, TrialRecord
from space.core.reports import EpochReport

COUNTS = ("trials", "finished", "running", "interrupted", "paused", "stopped", "failed", "epochs")
"""The names of the counts, in the order in which they are printed."""


class Now(NamedTuple):
    """The current time on the study's clock, and whether the run of the driver has begun."""

    clock_s: float
    has_begun: bool

    @classmethod
    def of(cls, folder: Path, ledger: LedgerReader) -> Now:
        """Return the current time of a running search.

        A driver that has just started has recorded no event yet. The time since the previous run does not count.
        """
        clock_s, unix_time = ledger.latest_event()
        has_begun = unix_time >= locked_since(folder)
        return cls(clock_s + max(0.0, time.time() - unix_time) * has_begun, has_begun)


def counts(
    header: StudyHeader,
    records: Sequence[TrialRecord],
    reports: Mapping[int, Sequence[EpochReport]],
    *,
    driver_alive: bool,
) -> dict[str, Any]:
    """Return the counts of trials by state, without references, and of all epochs."""
    states = [record.state for record in records if record.reference is None]
    running = states.count("running")
    return {
        "trials": header.trials,
        "finished": sum(record.has_ended for record in records if record.reference is None),
        "running": running if driver_alive else 0,
        "interrupted": 0 if driver_alive else running,
        "paused": states.count("paused"),
        "stopped": states.count("stopped"),
        "failed": states.count("failed"),
        "epochs": sum(len(epochs) for epochs in reports.values()),
    }


def silent_trials(records: Iterable[TrialRecord], timeline: Iterable[TimelineEvent]) -> list[int]:
    """Return the numbers of the running trials whose workers do not answer, as the driver recorded it."""
    running = {record.number for record in records if record.state == "running"}
    silent: set[int] = set()
    for one in timeline:
        if one.kind == "begin":
            silent.clear()
        elif one.kind in ("silent", "recovered"):
            number = (one.detail or {})["number"]
            silent = silent | {number} if one.kind == "silent" else silent - {number}
        elif one.trial is not None:
            silent.discard(one.trial)  # it reported an epoch, ended or was lost
    return sorted(silent & running)


def slots_given_up(timeline: Iterable[TimelineEvent]) -> list[dict[str, Any]]:
    """Return the slots that the latest run gave up: ``slot``, ``device``, ``reason``, ``log``, ``num_left``."""
    found: list[dict[str, Any]] = []
    for one in timeline:
        if one.kind == "begin":
            found.clear()
        elif one.kind == "retire":
            found.append(dict(one.detail or {}))
    return found


def running_facts(
    header: StudyHeader,
    records: Sequence[TrialRecord],
    reports: Mapping[int, Sequence[EpochReport]],
    timeline: Sequence[TimelineEvent],
    now: Now,
) -> dict[str, Any]:
    """Return the running trainings, the rates, the rungs and the predicted end of a running search.

    Args:
        header: The study's budgets and configuration.
        records: All trials, references included.
        reports: The epochs of each trial.
        timeline: The events of the study.
        now: The current time.

    Returns:
        ``workers``, the number of workers; ``given_up``, see ``slots_given_up``; ``running_trials``, the running
        trainings, see ``_running_trial``; ``epochs_per_min``, ``epochs_per_hour`` and ``trials_per_hour``, None
        before the first end of an epoch or trial; ``rungs``, see ``results.running_jobs.rung_populations``;
        ``left_s``, the predicted remaining seconds, None while unknown; ``over_hours_s``, the predicted seconds
        after the budget of hours.
    """
    activity = Activity.read(timeline)
    jobs = running_jobs(timeline) if now.has_begun else {}
    silent = silent_trials(records, timeline)
    expected = Forecast(None)
    if now.has_begun:
        expected = forecast(header, records, reports, activity, now.clock_s)
    per_min = activity.epochs_per_min(now.clock_s) if now.has_begun else None
    return {
        "workers": activity.workers if now.has_begun else 0,
        "given_up": slots_given_up(timeline) if now.has_begun else [],
        "running_trials": [
            _running_trial(record, activity, jobs.get(record.number), now, is_silent=record.number in silent)
            for record in records
            if record.state == "running"
        ],
        "epochs_per_min": per_min,
        "epochs_per_hour": None if per_min is None else 60 * per_min,
        "trials_per_hour": trials_per_hour(timeline, activity.began_s, now.clock_s),
        "rungs": rung_populations(records, activity.rungs, jobs),
        "left_s": expected.left_s,
        "over_hours_s": expected.over_s,
    }


def _running_trial(
    record: TrialRecord, activity: Activity, job: RunningJob | None, now: Now, *, is_silent: bool
) -> dict[str, Any]:
    """Return the facts of a running training.

    Returns:
        ``trial``, ``network``, ``params``; ``epochs``, the trained ones, ``until``, the next rung, and
        ``max_epochs``; ``worker``, the number of its worker, and ``for_s``, the seconds since its job began,
        both None while it waits for a worker; ``silent``, whether the worker does not answer.
    """
    return {
        "trial": record.number,
        "network": record.notation,
        "params": record.params,
        "epochs": record.epochs,
        "until": activity.until(record),
        "max_epochs": record.max_epochs,
        "worker": None if job is None else job.worker,
        "for_s": None if job is None else max(0.0, now.clock_s - job.began_s),
        "silent": is_silent,
    }
