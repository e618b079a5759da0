"""The predicted end of a search, from its trials and the rate of their epochs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from results.forecast import Activity, Forecast, epochs_of_new, forecast
from results.storage.ledger_reader import TimelineEvent
from results.storage.records import StudyHeader, TrialRecord
from space.core.reports import EpochReport
from tests.support.factories import make_header, make_trial

CONFIG = {"train": {"epochs": 10}, "search": {"reduction": 2}}
HEADER = make_header(config=CONFIG, trials=4)


def epochs(num: int, seconds: float) -> list[EpochReport]:
    return [EpochReport(epoch, 1.0, 1.0, 0.5, seconds) for epoch in range(1, num + 1)]


def running(number: int, done: int) -> TrialRecord:
    return make_trial(number, state="running", epochs=done, max_epochs=10, val_accuracy=None, finished_s=None)


def activity(workers: int = 1, rungs: tuple[int, ...] = (10,), **last_s: float) -> Activity:
    return Activity(0.0, workers, rungs, {int(key[1:]): value for key, value in last_s.items()})


def expected(header: StudyHeader, trials: list[TrialRecord], seconds: float, seen: Activity, clock_s: float):
    curves = {trial.number: epochs(trial.epochs, seconds) for trial in trials if trial.epochs}
    return forecast(header, trials, curves, seen, clock_s)


def test_forecast_counts_the_training_that_runs_and_those_to_come() -> None:
    seen = activity(t0=40.0)
    found = expected(HEADER, [running(0, 4)], 10.0, seen, clock_s=43.0)
    assert found.left_s == pytest.approx((6 * 10 - 3) + 3 * 100)
    assert found.over_s == 0.0


def test_forecast_places_trainings_on_all_workers() -> None:
    seen = activity(2, t0=50.0, t1=50.0)
    found = expected(HEADER, [running(0, 5), running(1, 2)], 10.0, seen, clock_s=50.0)
    assert found.left_s == pytest.approx(180.0)  # 50 + 100 on one, 80 + 100 on the other


def test_forecast_of_the_last_training_is_not_zero_while_it_runs() -> None:
    header = replace(HEADER, trials=1)
    for clock_s in (95.0, 100.0, 130.0, 500.0):
        left_s = expected(header, [running(0, 9)], 10.0, activity(t0=90.0), clock_s).left_s
        assert left_s is not None
        assert left_s >= 1.0


def test_forecast_tells_beforehand_by_how_much_hours_are_exceeded() -> None:
    header = replace(HEADER, trials=1000, hours=288 / 3600)
    found = expected(header, [running(0, 4)], 10.0, activity(t0=40.0), clock_s=40.0)
    assert found == Forecast(260.0, pytest.approx(12.0))  # the last one begins at 160
    late = expected(header, [running(0, 4)], 10.0, activity(t0=300.0), clock_s=300.0)
    assert late == Forecast(60.0, pytest.approx(72.0))


def test_forecast_of_a_complete_study_is_zero() -> None:
    trials = [make_trial(number, train_s=30.0) for number in range(4)]
    assert expected(HEADER, trials, 10.0, activity(), 400.0) == Forecast(0.0)


def test_forecast_before_any_epoch_is_that_of_calibration_or_unknown() -> None:
    header = replace(HEADER, trials=1)
    seen = activity(t0=0.0)
    assert forecast(header, [running(0, 0)], {}, seen, 0.0) == Forecast(None)
    seen.predict(0, 7.0, 0.0)
    assert forecast(header, [running(0, 0)], {}, seen, 0.0) == Forecast(70.0)
    slower = forecast(header, [running(0, 1)], {0: epochs(1, 9.0)}, seen, 0.0)
    assert slower == Forecast(81.0)  # what was measured counts more


@pytest.mark.parametrize(("num_measured", "slowdown"), [(2, 1.0), (3, 3.0)])
def test_predictions_are_scaled_by_what_epochs_of_other_trainings_took(
    num_measured: int, slowdown: float
) -> None:
    header = replace(HEADER, trials=num_measured + 1)
    seen = activity(num_measured + 1)
    trials = [running(number, 9) for number in range(num_measured)]
    for trial in trials:
        seen.predict(trial.number, 3.0, 18.0)
    seen.predict(num_measured, 5.0, 18.0)
    found = expected(header, [*trials, running(num_measured, 0)], 9.0, seen, clock_s=18.0)
    assert found.left_s == pytest.approx(10 * 5.0 * slowdown)


def test_forecast_of_a_budget_of_epochs_starts_no_more_than_it_pays() -> None:
    header = replace(HEADER, trials=1000, epochs=25)
    found = expected(header, [running(0, 4)], 10.0, activity(t0=40.0), clock_s=40.0)
    assert found.left_s == pytest.approx(60 + 2 * 100)


def test_forecast_with_rungs_expects_as_many_epochs_as_latest_trials_had() -> None:
    seen = activity(rungs=(1, 4, 10))
    first = forecast(replace(HEADER, trials=1), [], {}, replace(seen, predicted={}), 0.0)
    assert first == Forecast(None)
    paused = [make_trial(number, state="paused", epochs=2, max_epochs=10) for number in range(3)]
    found = expected(HEADER, paused, 10.0, seen, clock_s=0.0)
    assert found.left_s == pytest.approx(20.0)


def test_activity_is_that_of_the_latest_run() -> None:
    seen = Activity.read(
        [
            TimelineEvent(0.0, "begin", None, detail={"workers": 1, "rungs": [10]}),
            TimelineEvent(5.0, "report", 0, 1),
            TimelineEvent(6.0, "begin", None, detail={"workers": 3, "rungs": [2, 10]}),
            TimelineEvent(7.0, "restart", 0),
            TimelineEvent(8.0, "predict", None, detail={"trial": 0, "epoch_s": 2.0}),
            TimelineEvent(9.0, "report", 0, 2),
            TimelineEvent(12.0, "report", 1, 1),
        ]
    )
    assert (seen.began_s, seen.workers, seen.rungs) == (6.0, 3, (2, 10))
    assert seen.last_s == {0: 9.0, 1: 12.0}
    assert seen.predicted == {0: 2.0}
    assert seen.epochs_per_min(36.0) == pytest.approx(2 / 30 * 60)
    assert seen.epochs_per_min(10_000.0) is None
    assert seen.until(running(0, 1)) == 2
    assert seen.until(replace(running(0, 1), reference="resnet18")) == 10


def test_forecast_does_not_take_the_start_of_a_worker_for_an_epoch() -> None:
    seen = activity(2, t0=0.0, t1=20.0)
    seen.predict(1, 2.0, 20.0)
    header = replace(HEADER, trials=2)
    assert expected(header, [running(0, 0), running(1, 0)], 2.0, seen, clock_s=20.0).left_s == pytest.approx(
        20.0
    )


def test_forecast_of_freeze_thaw_completes_every_training_until_trials_have_ended() -> None:
    config = {"train": {"epochs": 9}, "search": {"reduction": 3, "scheduler": "freeze_thaw"}}
    header = make_header(config=config, trials=4)
    assert epochs_of_new(header, [], (1, 3, 9)) == 9
    stopped = [make_trial(number, state="stopped", epochs=3, val_accuracy=None) for number in range(3)]
    assert epochs_of_new(header, stopped, (1, 3, 9)) == 3


def test_forecast_counts_remaining_epochs_and_their_energy() -> None:
    trials = [make_trial(0, epochs=10, max_epochs=10, energy_j=500.0), running(1, 4)]
    found = expected(HEADER, trials, 1.0, activity(t1=40.0), clock_s=40.0)
    assert (found.epochs, found.energy_j) == (26, 26 * 50.0)
    without = expected(HEADER, [running(0, 4)], 1.0, activity(t0=40.0), clock_s=40.0)
    assert (without.epochs, without.energy_j) == (36, None)
