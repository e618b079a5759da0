"""The workers' jobs and the populations of rungs, from the records of a ledger."""

from __future__ import annotations

import pytest

from results.running_jobs import RunningJob, rung_populations, running_jobs, trials_per_hour
from results.storage.ledger_reader import TimelineEvent
from results.storage.records import TrialRecord
from tests.support.factories import make_trial


def event(clock_s: float, kind: str, trial: int | None = None) -> TimelineEvent:
    return TimelineEvent(clock_s, kind, trial)


def unfinished(number: int, state: str, epochs: int) -> TrialRecord:
    return make_trial(number, state=state, epochs=epochs, max_epochs=9, val_accuracy=None, finished_s=None)


def test_a_new_training_gets_the_lowest_free_worker() -> None:
    timeline = [event(0, "begin"), event(1, "start", 0), event(1, "start", 1), event(2, "start", 2)]
    timeline += [event(5, "pause", 1), event(6, "promote", 7)]
    assert running_jobs(timeline) == {0: RunningJob(1, 1), 2: RunningJob(3, 2), 7: RunningJob(2, 6)}


@pytest.mark.parametrize("kind", ["pause", "finish", "fail", "give_up", "lose"])
def test_a_job_that_ended_has_no_worker(kind: str) -> None:
    assert not running_jobs([event(0, "begin"), event(1, "start", 0), event(3, kind, 0)])


def test_a_lost_training_has_a_worker_again_after_its_restart() -> None:
    timeline = [event(1, "start", 0), event(3, "lose", 0), event(4, "restart", 0)]
    assert running_jobs(timeline) == {0: RunningJob(1, 4)}


def test_jobs_of_an_earlier_run_have_no_worker() -> None:
    assert not running_jobs([event(0, "begin"), event(1, "start", 0), event(9, "begin")])


def test_rate_of_trials_counts_the_ends_of_the_latest_run() -> None:
    timeline = [event(5, "finish", 0), event(100, "begin"), event(110, "fail", 1), event(120, "stop", 2)]
    assert trials_per_hour(timeline, 100.0, 160.0) == pytest.approx(2 * 60)


def test_rate_of_trials_covers_the_last_hour() -> None:
    timeline = [event(0, "begin"), event(10, "finish", 0), event(7000, "finish", 1)]
    assert trials_per_hour(timeline, 0.0, 7200.0) == pytest.approx(1)


def test_rate_of_trials_is_unknown_before_the_first_end() -> None:
    assert trials_per_hour([event(0, "begin"), event(1, "start", 0)], 0.0, 60.0) is None


def test_rungs_count_trials_where_they_wait_ended_or_go() -> None:
    records = [
        unfinished(0, "running", 0),
        unfinished(1, "running", 4),
        unfinished(2, "running", 4),  # waits for a worker
        unfinished(3, "paused", 3),
        unfinished(4, "stopped", 1),
        unfinished(5, "failed", 2),
        make_trial(6, epochs=9, max_epochs=9),
        make_trial(7, epochs=9, max_epochs=9, reference="resnet20"),
    ]
    found = rung_populations(records, (1, 3, 9), {0: RunningJob(1, 0.0), 1: RunningJob(2, 0.0)})
    assert found == [
        {"epochs": 1, "reached": 6, "running": 1, "paused": 0, "stopped": 1, "complete": 0},
        {"epochs": 3, "reached": 4, "running": 0, "paused": 1, "stopped": 0, "complete": 0},
        {"epochs": 9, "reached": 1, "running": 1, "paused": 0, "stopped": 0, "complete": 1},
    ]
