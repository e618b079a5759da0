"""Schedulers with rungs under random events: every trial ends, and the right ones are resumed."""

from __future__ import annotations

import random
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.rungs import rung_epochs
from search.schedulers.asha import ASHA, lead
from search.schedulers.base import FIFO, Done, Resume, StartNew, Stop, TrialStatus, Wait
from search.schedulers.freeze_thaw import FreezeThaw


class Random:
    """An adviser that says anything."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def best_to_continue(self, paused: Collection[int], *, may_start: bool) -> int | None:
        return self.rng.choice([None, *sorted(paused)])


@pytest.mark.parametrize(
    ("epochs", "reduction", "first", "rungs"),
    [
        (9, 3, 1, (1, 3, 9)),
        (10, 3, 1, (1, 3, 10)),
        (30, 3, 3, (3, 10, 30)),
        (8, 2, 1, (1, 2, 4, 8)),
        (1, 3, 1, (1,)),
        (2, 3, 1, (1, 2)),
        (5, 4, 9, (5,)),
    ],
)
def test_rungs_are_counted_back_from_the_end(
    epochs: int, reduction: int, first: int, rungs: tuple[int, ...]
) -> None:
    assert rung_epochs(epochs, reduction, first) == rungs


def drive(scheduler: FIFO, errors: dict[int, list[float]], slots: int, seed: int) -> dict[int, int]:
    """Carry out decisions with random delays and lost workers; return the epochs of every trial."""
    rng = random.Random(seed)
    running: list[tuple[int, int]] = []
    reached: dict[int, int] = {}
    ended: set[int] = set()
    last = len(next(iter(errors.values())))
    while True:
        decision = scheduler.decide() if len(running) < slots else Wait()
        if isinstance(decision, Done):
            break
        if isinstance(decision, StartNew):
            trial = len(reached)
            reached[trial] = 0
            scheduler.on_started(trial, (float(trial % 7 + 1),))
            running.append((trial, decision.until or last))
        elif isinstance(decision, Resume):
            assert decision.trial not in ended
            assert decision.trial not in [trial for trial, _ in running]
            assert (decision.until or last) > reached[decision.trial]
            running.append((decision.trial, decision.until or last))
        elif isinstance(decision, Stop):
            assert decision.trial not in ended
            ended.add(decision.trial)
            scheduler.on_ended(decision.trial, errors[decision.trial][: reached[decision.trial]])
        else:
            assert running
            trial, until = running.pop(rng.randrange(len(running)))
            if rng.random() < 0.1:
                scheduler.on_lost(trial)
                continue
            reached[trial] = until
            if until == last:
                ended.add(trial)
                scheduler.on_ended(trial, errors[trial])
            else:
                scheduler.on_paused(trial, errors[trial][:until])
    assert not running
    assert ended == set(reached)
    return reached


@given(
    total=st.integers(1, 40), slots=st.integers(1, 8), reduction=st.integers(2, 4), seed=st.integers(0, 99)
)
def test_every_trial_ends_and_a_share_goes_on(total: int, slots: int, reduction: int, seed: int) -> None:
    rng = random.Random(seed)
    rungs = rung_epochs(9, reduction)
    errors = {trial: [rng.random() for _ in range(9)] for trial in range(total)}
    reached = drive(ASHA(total, rungs, reduction, max_losses=99), errors, slots, seed)
    assert len(reached) == total
    assert set(reached.values()) <= set(rungs)
    if total >= reduction ** (len(rungs) - 1):
        assert any(epoch == 9 for epoch in reached.values())


@given(count=st.integers(1, 30), reduction=st.integers(2, 5), seed=st.integers(0, 99))
def test_of_those_at_a_rung_one_in_so_many_goes_on(count: int, reduction: int, seed: int) -> None:
    rng = random.Random(seed)
    scheduler = ASHA(count, (1, 3), reduction)
    for trial in range(count):
        scheduler.on_started(trial, (rng.uniform(1.0, 9.0),))
        scheduler.on_paused(trial, [rng.random()])
    promoted = 0
    while isinstance(decision := scheduler.decide(), Resume):
        assert decision.until == 3
        promoted += 1
    assert promoted == max(1, count // reduction)  # one at least, since nothing new may start


@given(total=st.integers(1, 30), slots=st.integers(1, 5), seed=st.integers(0, 99))
def test_whatever_is_advised_every_trial_ends(total: int, slots: int, seed: int) -> None:
    errors = {trial: [0.5] * 9 for trial in range(total)}
    scheduler = FreezeThaw(total, (1, 3, 9), Random(seed), max_losses=99)
    assert len(drive(scheduler, errors, slots, seed)) == total


@pytest.mark.parametrize("epoch", [2, 5])
def test_one_that_fails_leaves_its_place_to_the_next(epoch: int) -> None:
    """After the first or the second rung; also where a later run knows of it from the ledger."""
    errors = {0: [0.3] * 9, 1: [0.4] * 9, 2: [0.5] * 9}
    scheduler = ASHA(3, (1, 3, 9), 3)
    for trial, curve in errors.items():
        scheduler.on_started(trial, (1.0,))
        scheduler.on_paused(trial, curve[:1])
    assert scheduler.decide() == Resume(0, 3)
    if epoch > 3:
        scheduler.on_paused(0, errors[0][:3])
        assert scheduler.decide() == Resume(0, 9)
    scheduler.on_ended(0, errors[0][:epoch])
    later = ASHA(
        3,
        (1, 3, 9),
        3,
        ended=[TrialStatus(0, (1.0,), tuple(errors[0][:epoch]))],
        paused=[TrialStatus(trial, (1.0,), tuple(errors[trial][:1])) for trial in (1, 2)],
    )
    for one in (scheduler, later):
        assert one.decide() == Resume(1, 3)
        one.on_paused(1, errors[1][:3])
        assert one.decide() == Resume(1, 9)
        one.on_ended(1, errors[1])
        assert one.decide() == Stop(2)


def test_tiny_networks_race_their_own_size() -> None:
    """All of the small ones are worse than any of the large ones: the best of each size goes on."""
    scheduler = ASHA(18, (1, 3), 9)
    for trial in range(18):
        is_small = trial < 9
        scheduler.on_started(trial, (100.0 + trial if is_small else 10_000.0 + trial,))
        scheduler.on_paused(trial, [0.6 + 0.01 * (trial != 4) if is_small else 0.3 + 0.01 * (trial != 13)])
    promoted = []
    while isinstance(decision := scheduler.decide(), Resume):
        promoted.append(decision.trial)
    assert promoted == [13, 4] or promoted == [4, 13]


def test_leads_are_measured_from_the_front_of_the_others() -> None:
    leads = lead({0: 0.5, 1: 0.3, 2: 0.4, 3: 0.2}, {0: (1.0,), 1: (2.0,), 2: (3.0,), 3: (4.0,)})
    assert leads == pytest.approx({0: 0.0, 1: -0.2, 2: 0.1, 3: -0.1})


def test_who_costs_hardly_more_counts_as_of_the_same_size() -> None:
    leads = lead({0: 0.6, 1: 0.5, 2: 0.3, 3: 0.35}, {0: (1.0,), 1: (100.0,), 2: (101.0,), 3: (10_000.0,)})
    assert leads == pytest.approx({0: 0.0, 1: 0.2, 2: -0.2, 3: 0.05})


def test_a_resumed_race_promotes_what_an_unbroken_one_would() -> None:
    errors = {trial: [0.9 - 0.1 * trial, 0.5, 0.4] for trial in range(6)}
    statuses = [TrialStatus(trial, (1.0,), tuple(errors[trial][:1])) for trial in range(6)]
    resumed = ASHA(6, (1, 3), 3, paused=statuses)
    assert [resumed.decide(), resumed.decide()] == [Resume(5, 3), Resume(4, 3)]
    interrupted = ASHA(
        6,
        (1, 3),
        3,
        paused=statuses[:5],
        interrupted=[TrialStatus(5, (1.0,), tuple(errors[5][:2]), losses=1)],
    )
    assert interrupted.decide() == Resume(5, 3)


def test_an_interrupted_trial_that_had_just_come_to_a_rung_has_to_race_there() -> None:
    errors = (0.5, 0.45, 0.44)
    others = [TrialStatus(trial, (1.0,), (0.4, 0.3, 0.2)) for trial in (1, 2)]
    scheduler = ASHA(
        3, (1, 3, 9), 3, paused=others, interrupted=[TrialStatus(0, (1.0,), errors, is_interrupted=True)]
    )
    assert scheduler.decide() == Resume(0, 3)


def test_when_the_time_is_over_those_that_came_farthest_go_first() -> None:
    scheduler = ASHA(10, (1, 3, 9), 2)
    for trial, curve in enumerate(([0.2], [0.5, 0.5, 0.5], [0.6, 0.6, 0.6])):
        scheduler.on_started(trial, (1.0,))
        scheduler.on_paused(trial, curve)
    scheduler.wind_down(True)
    assert scheduler.decide() == Resume(1, 9)


def test_when_the_time_is_over_what_is_paused_stays_so() -> None:
    scheduler = ASHA(10, (1, 3), 2)
    for trial in range(5):
        scheduler.on_started(trial, (1.0,))
        scheduler.on_paused(trial, [0.5 - 0.01 * trial])
    assert scheduler.decide() == Resume(4, 3)
    scheduler.on_ended(4, [0.46, 0.4, 0.3])
    scheduler.wind_down(True)
    assert scheduler.decide() == Done()
    scheduler.wind_down(False)
    assert isinstance(scheduler.decide(), Resume)


def test_when_the_time_is_over_and_nothing_is_whole_the_best_comes_to_its_end() -> None:
    scheduler = ASHA(10, (1, 3, 9), 2)
    for trial in range(4):
        scheduler.on_started(trial, (1.0,))
        scheduler.on_paused(trial, [0.5 - 0.01 * trial])
    scheduler.wind_down(True)
    assert scheduler.decide() == Resume(3, 3)
    assert scheduler.decide() == Wait()
    scheduler.on_paused(3, [0.47, 0.4, 0.4])
    assert scheduler.decide() == Resume(3, 9)
    scheduler.on_ended(3, [0.47, 0.4, 0.4])  # it fails
    assert scheduler.decide() == Resume(2, 3)
    scheduler.on_paused(2, [0.48, 0.4, 0.4])
    assert scheduler.decide() == Resume(2, 9)
    scheduler.on_ended(2, [0.3] * 9)
    assert scheduler.decide() == Done()
