"""The contract of every scheduler: one conformance suite, driven by random events."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.rungs import rung_epochs
from search.schedulers.asha import ASHA
from search.schedulers.base import (
    FIFO,
    Done,
    Fail,
    Resume,
    Scheduler,
    SchedulerName,
    StartNamed,
    StartNew,
    Stop,
    TrialStatus,
    Wait,
)
from search.schedulers.freeze_thaw import FreezeThaw

EPOCHS = 9
MAX_LOSSES = 3
SEEDS = st.integers(0, 99)


class FirstPaused:
    """A policy that always resumes the trial with the smallest number."""

    def best_to_continue(self, paused: Collection[int], *, may_start: bool) -> int | None:
        return min(paused)


Make = Callable[..., Scheduler]
SCHEDULERS: dict[str, Make] = {
    "fifo": lambda total, **trials: FIFO(total, max_losses=MAX_LOSSES, **trials),
    "asha": lambda total, **trials: ASHA(total, rung_epochs(EPOCHS, 3), 3, max_losses=MAX_LOSSES, **trials),
    "freeze_thaw": lambda total, **trials: FreezeThaw(
        total, rung_epochs(EPOCHS, 3), FirstPaused(), max_losses=MAX_LOSSES, **trials
    ),
}
every_scheduler = pytest.mark.parametrize("name", SCHEDULERS)


def test_suite_covers_every_scheduler() -> None:
    assert set(SCHEDULERS) == set(get_args(SchedulerName))


class Driver:
    """Carries out decisions as a study does, and checks each against what a study can do."""

    def __init__(self, scheduler: Scheduler, slots: int, seed: int, first_new: int = 0) -> None:
        self.scheduler = scheduler
        self.slots = slots
        self.rng = random.Random(seed)
        self.reached: dict[int, int] = {}
        self.running: dict[int, int] = {}
        self.losses: dict[int, int] = {}
        self.ended: set[int] = set()
        self.next_trial = first_new
        self.decisions: list[Any] = []

    def run(self, loss_rate: float = 0.0) -> None:
        while True:
            decision = self.scheduler.decide() if len(self.running) < self.slots else Wait()
            self.decisions.append(decision)
            if isinstance(decision, Done):
                assert not self.running
                return
            self.carry_out(decision, loss_rate)

    def carry_out(self, decision: Any, loss_rate: float) -> None:
        if isinstance(decision, StartNew | StartNamed):
            trial, self.next_trial = self.next_trial, self.next_trial + 1
            self.reached[trial] = 0
            is_reference = isinstance(decision, StartNamed) and decision.is_reference
            self.scheduler.on_started(trial, (float(trial % 7 + 1),), is_reference=is_reference)
            self.running[trial] = getattr(decision, "until", None) or EPOCHS
        elif isinstance(decision, Resume):
            trial, until = decision.trial, decision.until or EPOCHS
            assert trial not in self.ended | self.running.keys()
            assert self.reached.setdefault(trial, 0) < until <= EPOCHS
            self.running[trial] = until
        elif isinstance(decision, Stop | Fail):
            assert decision.trial not in self.ended | self.running.keys()
            if isinstance(decision, Fail):
                assert self.losses[decision.trial] >= MAX_LOSSES
            self.end(decision.trial)
        else:
            assert self.running, "it waits for nothing"
            self.finish(self.rng.choice(sorted(self.running)), loss_rate)

    def finish(self, trial: int, loss_rate: float) -> None:
        until = self.running.pop(trial)
        if self.rng.random() < loss_rate:
            self.losses[trial] = self.losses.get(trial, 0) + 1
            self.scheduler.on_lost(trial)
            return
        self.reached[trial] = until
        if until == EPOCHS:
            self.end(trial)
        else:
            self.scheduler.on_paused(trial, self.errors(trial))

    def end(self, trial: int) -> None:
        self.ended.add(trial)
        self.scheduler.on_ended(trial, self.errors(trial))

    def errors(self, trial: int) -> list[float]:
        curve = random.Random(trial)
        return [curve.random() for _ in range(self.reached.get(trial, 0))]


@every_scheduler
@given(total=st.integers(1, 30), slots=st.integers(1, 8), loss_rate=st.sampled_from([0.0, 0.3]), seed=SEEDS)
def test_scheduler_starts_its_total_and_ends_every_trial(
    name: str, total: int, slots: int, loss_rate: float, seed: int
) -> None:
    driver = Driver(SCHEDULERS[name](total), slots, seed)
    driver.run(loss_rate)
    assert driver.ended == set(range(total))


@every_scheduler
@given(total=st.integers(1, 20), slots=st.integers(1, 4), seed=SEEDS)
def test_scheduler_trains_at_least_one_network_to_its_last_epoch(
    name: str, total: int, slots: int, seed: int
) -> None:
    driver = Driver(SCHEDULERS[name](total), slots, seed)
    driver.run()
    assert EPOCHS in driver.reached.values()


@every_scheduler
@given(total=st.integers(1, 20), slots=st.integers(1, 4), seed=SEEDS)
def test_scheduler_repeats_its_decisions_for_the_same_events(
    name: str, total: int, slots: int, seed: int
) -> None:
    first, second = (Driver(SCHEDULERS[name](total), slots, seed) for _ in range(2))
    first.run(0.2)
    second.run(0.2)
    assert first.decisions == second.decisions


@every_scheduler
def test_scheduler_resumes_interrupted_trials_before_it_starts_new_ones(name: str) -> None:
    interrupted = [TrialStatus(trial, (1.0,), is_interrupted=True) for trial in (0, 1)]
    driver = Driver(SCHEDULERS[name](4, interrupted=interrupted), 1, 0, first_new=2)
    driver.run()
    resumed = [decision.trial for decision in driver.decisions if isinstance(decision, Resume)]
    started = [driver.decisions.index(d) for d in driver.decisions if isinstance(d, StartNew)]
    assert {0, 1} <= set(resumed)
    assert isinstance(driver.decisions[0], Resume)
    assert driver.decisions[0].trial == 0
    assert len(started) == 2
    assert driver.ended == {0, 1, 2, 3}


@every_scheduler
def test_scheduler_fails_a_trial_that_lost_too_many_workers(name: str) -> None:
    scheduler = SCHEDULERS[name](1)
    scheduler.decide()
    scheduler.on_started(0, (1.0,))
    for loss in range(MAX_LOSSES):
        scheduler.on_lost(0)
        expected = Fail if loss == MAX_LOSSES - 1 else Resume
        assert isinstance(scheduler.decide(), expected)
    scheduler.on_ended(0)
    assert scheduler.decide() == Done()


@every_scheduler
def test_scheduler_starts_nothing_after_it_was_told_to_stop(name: str) -> None:
    scheduler = SCHEDULERS[name](5)
    scheduler.decide()
    scheduler.on_started(0, (1.0,))
    scheduler.stop_starting()
    assert scheduler.decide() == Wait()
    scheduler.on_ended(0, [0.5] * EPOCHS)
    assert scheduler.decide() == Done()


@every_scheduler
def test_scheduler_starts_named_networks_outside_the_total(name: str) -> None:
    named = [StartNamed("resnet18", is_reference=True), StartNamed("resnet34", is_reference=True)]
    driver = Driver(SCHEDULERS[name](3, named=named), 2, 0)
    driver.run()
    assert [d for d in driver.decisions if isinstance(d, StartNamed)] == named
    assert len(driver.ended) == 5
    assert driver.reached[0] == driver.reached[1] == EPOCHS
