"""Fronts: their networks, and the dominated fraction of the box."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.front import (
    FrontHistory,
    accuracy,
    complete_trials,
    front_hypervolume,
    hypervolume_history,
    pareto_front,
    trials_since_growth,
    why_no_front,
)
from results.storage.objectives import Objectives
from results.storage.records import TrialRecord
from tests.support.factories import make_trial


def trials_of(points: list[tuple[int, float]]) -> list[TrialRecord]:
    return [make_trial(i, params=params, val_accuracy=acc) for i, (params, acc) in enumerate(points)]


POINTS = st.lists(st.tuples(st.integers(1, 20), st.sampled_from([0.1, 0.5, 0.8, 0.9])), max_size=25)


@given(points=POINTS)
def test_front_is_what_nothing_dominates(points: list[tuple[int, float]]) -> None:
    trials = trials_of(points)
    front = pareto_front(trials)
    for trial in trials:
        beaten = any(
            other.params <= trial.params
            and other.val_accuracy >= trial.val_accuracy
            and (other.params, other.val_accuracy) != (trial.params, trial.val_accuracy)
            for other in trials
        )
        same = [t for t in front if (t.params, t.val_accuracy) == (trial.params, trial.val_accuracy)]
        assert len(same) == (0 if beaten else 1)
    assert [t.params for t in front] == sorted(t.params for t in front)


SEVERAL_COSTS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.1, 0.5, 0.8, 0.9])), max_size=25
)


@given(points=SEVERAL_COSTS, costs=st.sampled_from([("params",), ("params", "macs")]), order=st.randoms())
def test_history_has_the_front_of_the_trials_so_far_in_any_order(
    points: list[tuple[int, int, float]], costs: tuple[str, ...], order: random.Random
) -> None:
    objectives = Objectives(dict.fromkeys(costs, (1.0, 20.0)))
    trials = [
        make_trial(number, params=params, macs=macs, val_accuracy=accuracy)
        for number, (params, macs, accuracy) in enumerate(points)
    ]
    order.shuffle(trials)
    history = FrontHistory(objectives)
    for count, trial in enumerate(trials, start=1):
        history.add(trial)
        assert history.front == plain_front(trials[:count], objectives)
        assert history.front == pareto_front(trials[:count], objectives)


def plain_front(trials: list[TrialRecord], objectives: Objectives) -> list[TrialRecord]:
    """Return the trials that no other one dominates, by comparison of all pairs."""

    def errors(trial: TrialRecord) -> tuple[float, ...]:
        return *objectives.values(trial), -accuracy(trial)

    def beats(one: TrialRecord, other: TrialRecord) -> bool:
        is_better = errors(one) != errors(other) or one.number < other.number
        return is_better and all(a <= b for a, b in zip(errors(one), errors(other), strict=True))

    front = [trial for trial in trials if not any(beats(other, trial) for other in trials)]
    return sorted(front, key=errors)


def test_only_complete_trials_count() -> None:
    trials = [
        make_trial(0, params=50, state="running", val_accuracy=None),
        make_trial(1, params=60, state="failed", val_accuracy=None, reason="diverged"),
        make_trial(2, params=70),
        make_trial(3, params=80, val_accuracy=None),
    ]
    assert [t.number for t in complete_trials(trials)] == [2]
    assert [t.number for t in pareto_front(trials)] == [2]
    assert len(hypervolume_history(trials, Objectives({"params": (1, 100)}))) == 1


def test_no_accuracy_is_not_taken_for_zero() -> None:
    assert accuracy(make_trial(0, val_accuracy=0.0)) == 0.0
    with pytest.raises(AssertionError, match="trial 1 has no accuracy"):
        accuracy(make_trial(1, val_accuracy=None))


def test_of_equals_the_first_stays() -> None:
    assert [t.number for t in pareto_front(trials_of([(5, 0.9), (5, 0.9)]))] == [0]


def test_hypervolume_of_known_fronts() -> None:
    # halfway on the scale of log parameters at 90 %: a box of 0.9 x 0.5
    assert front_hypervolume(
        trials_of([(1000, 0.9)]), Objectives({"params": (100, 10_000)})
    ) == pytest.approx(0.45)
    assert front_hypervolume(trials_of([(100, 1.0)]), Objectives({"params": (100, 10_000)})) == pytest.approx(
        1.0
    )
    assert front_hypervolume(trials_of([(10_000, 1.0)]), Objectives({"params": (100, 10_000)})) == 0.0
    assert front_hypervolume([], Objectives({"params": (100, 10_000)})) == 0.0


def test_hypervolume_of_a_space_of_one_size() -> None:
    assert front_hypervolume(trials_of([(100, 0.9)]), Objectives({"params": (100, 100)})) == pytest.approx(
        0.9
    )


@given(points=POINTS)
def test_history_ends_at_the_hypervolume_and_never_falls(points: list[tuple[int, float]]) -> None:
    trials = trials_of(points)
    history = hypervolume_history(trials, Objectives({"params": (1, 20)}))
    values = [value for _, value in history]
    assert values == sorted(values)
    assert (values[-1] if values else 0.0) == pytest.approx(
        front_hypervolume(trials, Objectives({"params": (1, 20)}))
    )


def test_why_there_is_no_front() -> None:
    assert why_no_front([]) == "no trial has finished with a result yet"
    failed = [make_trial(number, state="failed", reason=f"diverged\nat {number}") for number in range(2)]
    assert why_no_front(failed) == "no trial has a result; 2 failed, the last one: diverged"
    assert why_no_front([*failed, make_trial(2)]) == "no trial with a result has all of its costs"


def test_trials_are_counted_since_the_front_last_grew() -> None:
    trials = [
        make_trial(
            number, params=100, val_accuracy=accuracy, started_s=float(number), finished_s=number + 1.0
        )
        for number, accuracy in enumerate([0.5, 0.6, 0.6, 0.6001, 0.55])
    ]
    assert trials_since_growth(trials, Objectives({"params": (100, 1000)})) == 3
    assert trials_since_growth(trials[:2], Objectives({"params": (100, 1000)})) == 0
    running = make_trial(5, state="running", val_accuracy=None, started_s=5.0)
    assert trials_since_growth([*trials, running], Objectives({"params": (100, 1000)})) == 4
    assert trials_since_growth([running], Objectives({"params": (100, 1000)})) == 0
    begun_before = make_trial(6, state="running", val_accuracy=None, started_s=0.5)
    assert trials_since_growth([*trials, begun_before], Objectives({"params": (100, 1000)})) == 3


def test_a_front_grows_while_its_largest_networks_get_better() -> None:
    """They add nothing to the hypervolume, whose reference is the largest network of the space."""
    trials = [make_trial(0, params=100, val_accuracy=0.6, started_s=0.0, finished_s=1.0)]
    for number in range(1, 9):
        reached = 0.6 + 0.04 * number
        trials.append(
            make_trial(
                number, params=1000, val_accuracy=reached, started_s=float(number), finished_s=number + 1.0
            )
        )
    objectives = Objectives({"params": (10, 1000)})
    assert front_hypervolume(trials, objectives) == front_hypervolume(trials[:1], objectives)
    assert trials_since_growth(trials, objectives) == 0
    hardly = [
        replace(trials[-1], number=number, val_accuracy=0.92 + 1e-5 * number, started_s=float(number))
        for number in range(9, 13)
    ]
    assert trials_since_growth([*trials, *hardly], objectives) == 4


def test_what_lacks_a_cost_widens_no_range() -> None:
    objectives = Objectives({"latency_ms": None, "energy_j": None})
    measured = [(0.8, 10.0, 1.0), (0.95, 20.0, 2.0), (0.96, 40.0, 4.0), (0.5, 4000.0, None)]
    trials = [
        make_trial(n, val_accuracy=accuracy, latency_ms=latency, energy_j=energy)
        for n, (accuracy, latency, energy) in enumerate(measured)
    ]
    assert objectives.resolved(trials).ranges == {"latency_ms": (10.0, 40.0), "energy_j": (1.0, 4.0)}
    assert front_hypervolume(trials, objectives) == front_hypervolume(trials[:3], objectives)
