"""The scheduler as a state machine: under random events it ends with exactly the requested trials."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from search.schedulers.base import FIFO, Done, Fail, Resume, StartNamed, StartNew, TrialStatus, Wait


@given(
    total=st.integers(1, 30),
    num_ended=st.integers(0, 10),
    num_interrupted=st.integers(0, 4),
    slots=st.integers(1, 8),
    loss_rate=st.sampled_from([0.0, 0.2, 0.6]),
    seed=st.integers(0, 99),
)
def test_any_order_of_events_ends_with_the_trials_asked_for(
    total: int, num_ended: int, num_interrupted: int, slots: int, loss_rate: float, seed: int
) -> None:
    rng = random.Random(seed)
    first_new = num_ended + num_interrupted
    scheduler = FIFO(
        total,
        ended=[TrialStatus(trial, (1.0,)) for trial in range(num_ended)],
        interrupted=[TrialStatus(trial, (1.0,)) for trial in range(num_ended, first_new)],
        max_losses=3,
    )
    running: list[int] = []
    starts: dict[int, int] = {}
    ended = set(range(num_ended))
    next_trial = num_ended + num_interrupted
    while True:
        decision = scheduler.decide() if len(running) < slots else Wait()
        if isinstance(decision, Done):
            break
        if isinstance(decision, StartNew):
            scheduler.on_started(next_trial, (1.0,))
            running.append(next_trial)
            starts[next_trial] = 1
            next_trial += 1
        elif isinstance(decision, Resume):
            assert decision.trial not in running
            assert decision.trial not in ended
            running.append(decision.trial)
            starts[decision.trial] = starts.get(decision.trial, 0) + 1
        elif isinstance(decision, Fail):
            ended.add(decision.trial)
            scheduler.on_ended(decision.trial)
        else:
            trial = running.pop(rng.randrange(len(running)))
            if rng.random() < loss_rate:
                scheduler.on_lost(trial)
            else:
                ended.add(trial)
                scheduler.on_ended(trial)
    assert not running
    assert len(ended) == max(total, num_ended + num_interrupted)
    assert all(count <= 3 for count in starts.values())


def test_interrupted_trials_come_first() -> None:
    scheduler = FIFO(10, interrupted=[TrialStatus(5, (1.0,)), TrialStatus(7, (1.0,), losses=2)])
    assert [scheduler.decide(), scheduler.decide(), scheduler.decide()] == [Resume(5), Resume(7), StartNew()]


def test_a_trial_that_killed_three_workers_is_given_up_also_by_the_next_driver() -> None:
    scheduler = FIFO(10, interrupted=[TrialStatus(5, (1.0,), losses=3), TrialStatus(7, (1.0,), losses=2)])
    assert scheduler.decide() == Fail(5)
    assert scheduler.decide() == Resume(7)
    scheduler.on_lost(7)
    assert scheduler.decide() == Fail(7)


def test_one_training_begins_whatever_the_budget() -> None:
    scheduler = FIFO(9)
    scheduler.wind_down(True)
    assert scheduler.decide() == StartNew()
    scheduler.on_started(0, (1.0,))
    assert scheduler.decide() == Wait()
    scheduler.on_ended(0)
    assert scheduler.decide() == Done()


def test_after_the_last_start_slots_wait_for_what_runs() -> None:
    scheduler = FIFO(2)
    scheduler.on_started(0, (1.0,))
    scheduler.stop_starting()
    assert scheduler.decide() == Wait()
    scheduler.on_ended(0)
    assert scheduler.decide() == Done()


def test_named_networks_come_after_interrupted_trials_whatever_the_budget() -> None:
    named = [StartNamed("a", seed=7), StartNamed("b", is_reference=True)]
    scheduler = FIFO(0, interrupted=[TrialStatus(0, (1.0,))], named=named)
    scheduler.wind_down(True)
    assert scheduler.decide() == Resume(0)
    for trial, expected in enumerate(named, start=1):
        assert scheduler.decide() == expected
        scheduler.on_started(trial, (1.0,), is_reference=expected.is_reference)
    assert scheduler.decide() == Wait()
    for trial in range(3):
        scheduler.on_ended(trial)
    assert scheduler.decide() == Done()
