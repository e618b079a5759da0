"""The trainings that workers have now, and the populations of rungs, from the records of a ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from results.storage.ledger_reader import TimelineEvent
from results.storage.records import TrialRecord

BEGINS = frozenset({"start", "promote", "restart"})
"""Events that give a trial to a worker."""
ENDS = frozenset({"pause", "finish", "fail", "give_up", "lose"})
"""Events that take a trial from its worker."""
ENDS_OF_TRIALS = frozenset({"finish", "fail", "give_up", "stop"})
"""Events after which a trial has ended."""
TRIAL_WINDOW_S = 3600.0
"""The window of the rate of trials: those that ended in these seconds before now."""


class RunningJob(NamedTuple):
    """The job of a worker: the worker's number from 1, and the time on the study's clock when it began."""

    worker: int
    began_s: float


def running_jobs(timeline: Iterable[TimelineEvent]) -> dict[int, RunningJob]:
    """Return the jobs of the latest run, by the number of their trial.

    The ledger does not name workers. A trial gets the lowest free number and keeps it until its job ends.
    """
    jobs: dict[int, RunningJob] = {}
    for one in timeline:
        if one.kind == "begin":
            jobs.clear()
        elif one.trial is None:
            continue
        elif one.kind in BEGINS:
            taken = {job.worker for job in jobs.values()}
            free = next(number for number in range(1, len(taken) + 2) if number not in taken)
            jobs[one.trial] = RunningJob(free, one.clock_s)
        elif one.kind in ENDS:
            jobs.pop(one.trial, None)
    return jobs


def trials_per_hour(timeline: Iterable[TimelineEvent], began_s: float, clock_s: float) -> float | None:
    """Return the rate at which trials end; None before the first end of this run.

    Args:
        timeline: The events of the study.
        began_s: The time when the run began.
        clock_s: The current time; only ends in the last ``TRIAL_WINDOW_S`` count.
    """
    since_s = max(began_s, clock_s - TRIAL_WINDOW_S)
    num = sum(one.clock_s >= since_s for one in timeline if one.kind in ENDS_OF_TRIALS)
    return 3600 * num / max(clock_s - since_s, 1.0) if num else None


def rung_populations(
    records: Iterable[TrialRecord],
    rungs: Sequence[int],
    running: Mapping[int, RunningJob],
) -> list[dict[str, Any]]:
    """Return the number of trials at each rung, references excluded.

    Args:
        records: The trials.
        rungs: The epochs of the rungs; the last one is the end of a training.
        running: The jobs of the workers, by trial.

    Returns:
        For each rung its ``epochs`` and the numbers of trials: ``reached``, with at least these epochs;
        ``running``, on the way to it; ``paused``, ``stopped`` and ``complete``, whose last rung it is.
    """
    found = [
        {"epochs": rung, "reached": 0, "running": 0, "paused": 0, "stopped": 0, "complete": 0}
        for rung in rungs
    ]
    for record in records:
        if record.reference is not None:
            continue
        num_reached = sum(record.epochs >= rung for rung in rungs)
        for place in range(num_reached):
            found[place]["reached"] += 1
        if record.state == "running":
            if record.number in running and num_reached < len(rungs):
                found[num_reached]["running"] += 1
        elif record.state != "failed" and num_reached:
            found[num_reached - 1][record.state] += 1
    return found
