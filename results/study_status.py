"""The progress of a study: counts of trials; for a running search its trainings, rate and remaining time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from results.forecast import Activity, Forecast, forecast, overshoot_text
from results.plots.axes import duration
from results.storage.ledger import Ledger, TimelineEvent
from results.storage.records import StudyHeader, TrialRecord
from space.core.reports import EpochReport

COUNTS = ("trials", "finished", "running", "interrupted", "paused", "stopped", "failed", "epochs")
"""The names of the counts, in the order in which they are printed."""


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


def running_facts(
    header: StudyHeader,
    records: Sequence[TrialRecord],
    reports: Mapping[int, Sequence[EpochReport]],
    ledger: Ledger,
) -> dict[str, Any]:
    """Return the running trainings, the rate and the predicted end of a running search.

    Returns:
        ``running_trials``, the running trainings; ``epochs_per_min``, None before the first epoch; ``left_s``,
        the predicted remaining seconds, None while unknown; ``over_hours_s``, the predicted seconds after the
        budget of hours.
    """
    activity = Activity.read(ledger.timeline())
    clock_s, unix_time = ledger.latest_event()
    clock_s += max(0.0, time.time() - unix_time)
    expected = forecast(header, records, reports, activity, clock_s)
    return {
        "running_trials": [
            {
                "trial": record.number,
                "network": record.notation,
                "params": record.params,
                "epochs": record.epochs,
                "max_epochs": record.max_epochs,
            }
            for record in records
            if record.state == "running"
        ],
        "epochs_per_min": activity.epochs_per_min(clock_s),
        "left_s": expected.left_s,
        "over_hours_s": expected.over_s,
    }


def running_lines(facts: Mapping[str, Any], hours: float | None) -> list[str]:
    """Return the facts of a running search as lines of text."""
    rate = facts["epochs_per_min"]
    lines = [
        f"  trial {one['trial']}: epoch {one['epochs']}/{one['max_epochs']}, "
        f"{one['params']:,} parameters, {one['network']}"
        for one in facts["running_trials"]
    ]
    lines.append(f"  rate        {'?' if rate is None else f'{rate:.3g} epochs/min'}")
    lines.append(f"  time left   {duration(facts['left_s'])}")
    if hours is not None and facts["over_hours_s"] >= 1:
        lines[-1] += f"; {overshoot_text(hours, Forecast(facts['left_s'], facts['over_hours_s']))}"
    return lines
