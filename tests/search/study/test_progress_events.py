"""Progress lines of search events, tested without a terminal and without a search."""

from __future__ import annotations

from results.forecast import Forecast
from search.study.progress import Silent, State
from search.study.progress_events import (
    CalibrationStarted,
    EpochEnded,
    SearchProgress,
    TrialEnded,
    TrialStarted,
)
from search.study.snapshot import Snapshot


class Written:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.states: list[State] = []

    def update(self, snapshot: State) -> None:
        self.states.append(snapshot)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def close(self) -> None:
        pass


def state(left_s: float | None, over_s: float = 0.0, hours: float | None = None, is_spent: bool = False):
    running = ((3, 2, 10), (4, 0, 10))
    return Snapshot(1, 12, 0, 1, 0.5, 0.81, Forecast(left_s, over_s), 14.26, running, hours, is_spent)


def test_lines_say_what_happened() -> None:
    assert TrialStarted(3, "MgNet[1,1]-4-B^l", 1234, 0, 10).text() == (
        "trial 3 started: MgNet[1,1]-4-B^l, 1,234 parameters"
    )
    assert "continues after epoch 2: " in TrialStarted(3, "MgNet[1,1]-4-B^l", 1234, 2, 10).text()
    assert EpochEnded(3, 2, 10, 0.712, 1.25).text() == "trial 3: epoch 2/10, val. accuracy 71.20 %, 1.2 s"
    assert TrialEnded(3, "complete", 1234, 0.8125, is_on_front=True).text() == (
        "trial 3 complete: val. accuracy 81.25 %, 1,234 parameters, on the front"
    )
    assert "complete: int8 accuracy 81.25 %" in TrialEnded(3, "complete", 1234, 0.8125, is_int8=True).text()
    assert TrialEnded(3, "failed", 1234, reason="diverged").text() == "trial 3 failed: diverged"


def test_thousands_of_epochs_make_few_lines_and_every_trial_makes_one() -> None:
    now = 0.0
    written = Written()
    progress = SearchProgress(written, lambda: now)
    for epoch in range(36_000):  # ten an second, for an hour
        now = epoch / 10
        progress.tell(EpochEnded(epoch // 1000, epoch % 1000 + 1, 1000, 0.5, 0.1))
        if epoch % 1000 == 999:
            progress.tell(TrialEnded(epoch // 1000, "complete", 1000, 0.5))
    ends = [line for line in written.notes if "complete" in line]
    assert len(ends) == 36
    assert 50 < len(written.notes) - len(ends) < 250
    assert sum("epoch" in line for line in written.notes[:25]) >= 20  # close together at first


def test_every_epoch_of_slow_trainings_makes_a_line() -> None:
    now = 0.0
    written = Written()
    progress = SearchProgress(written, lambda: now)
    for epoch in range(1, 11):
        now += 90.0
        progress.tell(EpochEnded(0, epoch, 10, 0.5, 90.0))
    assert len(written.notes) == 10


def test_stopped_trials_and_workers_that_calibrate_do_not_flood() -> None:
    written = Written()
    progress = SearchProgress(written, lambda: 0.0)
    for number in range(500):
        progress.tell(CalibrationStarted("cpu"))
        progress.tell(TrialEnded(number, "stopped", 1000, reason="stopped after 1 of 10 epochs"))
    assert len(written.notes) == 2


def test_expected_duration_and_overshoot_are_said_once_and_beforehand() -> None:
    written = Written()
    progress = SearchProgress(written)
    progress.show(lambda: state(None, hours=0.08))
    assert written.notes == []
    for left_s in (360.0, 350.0):
        progress.show(lambda left_s=left_s: state(left_s, 72.0, 0.08))
    assert written.notes == [
        "expected duration: about 6 min 00 s; the 0.08 hours are exceeded by about 1 min 12 s, because "
        "running trainings are completed"
    ]
    for _ in range(2):
        progress.show(lambda: state(65.0, 72.0, 0.08, is_spent=True))
    assert written.notes[1:] == ["the budget is spent: 2 trainings continue to their end, about 1 min 05 s"]
    assert len(written.states) == 5


def test_expected_duration_is_said_again_when_it_was_much_too_short() -> None:
    now = 0.0
    written = Written()
    progress = SearchProgress(written, lambda: now)
    for passed_s, left_s in ((10.0, 90.0), (5.0, 300.0), (45.0, 85.0), (20.0, 75.0), (10.0, 70.0)):
        now += passed_s
        progress.show(lambda left_s=left_s: state(left_s))
    assert written.notes == [
        "expected duration: about 1 min 30 s, up to 0 epochs",
        "expected duration: about 1 min 15 s more, up to 0 epochs; epochs take longer than predicted",
    ]


def test_state_names_what_runs_the_rate_and_the_time_left() -> None:
    assert state(75.0).text() == (
        "left 1 min 15 s, best 81.00 %, front 1, 14.3 epochs/min, "
        "running: trial 3 at epoch 2/10, 4 at epoch 0/10, hypervolume 0.5000"
    )


def test_nothing_is_computed_for_a_silent_display() -> None:
    calls: list[int] = []

    def counted() -> Snapshot:
        calls.append(1)
        return state(75.0)

    SearchProgress(Silent()).show(counted)
    assert calls == []
