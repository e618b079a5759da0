"""Failed trials in a row: a broken environment ends a run, failing networks do not."""

from __future__ import annotations

import pytest

from search.study.failures import FailureLimits, FailureStreak
from tests.support.factories import make_trial

LIMITS = FailureLimits()


def streak_of(reasons: list[str], *states: str) -> FailureStreak:
    records = [make_trial(number, state=state) for number, state in enumerate(states)]
    found = FailureStreak(records)
    for reason in reasons:
        found.fail(reason)
    return found


def test_equal_reasons_end_a_study_without_success_after_a_few() -> None:
    reasons = [
        f"diverged: the training loss is {loss} in epoch {n}" for n, loss in enumerate(["nan", "inf"] * 2)
    ]
    streak = streak_of(reasons)
    assert streak.why_to_end() is None
    streak.fail("diverged: the training loss is 3.5e8 in epoch 7")
    assert streak.why_to_end() == (
        "5 trials failed in a row for the same reason: diverged: the training loss is 3.5e8 in epoch 7"
    )


def test_different_reasons_end_a_study_without_success_later() -> None:
    reasons = ["stuck", "out of memory"] * (LIMITS.num // 2)
    assert streak_of(reasons[:-1]).why_to_end() is None
    assert streak_of(reasons).why_to_end() == "10 trials failed in a row, the last with: out of memory"


def test_failures_never_end_a_run_with_a_success() -> None:
    streak = streak_of(["stuck"])
    streak.succeed()
    for _ in range(100):
        streak.fail("stuck")
    assert streak.why_to_end() is None


@pytest.mark.parametrize("state", ["complete", "paused", "stopped"])
def test_equal_reasons_from_the_start_end_a_resumed_run_of_a_study_with_successes(state: str) -> None:
    reasons = ["ImportError: triton"] * LIMITS.num_equal_at_start
    assert streak_of(reasons[:-1], state).why_to_end() is None
    assert "for the same reason: ImportError" in str(streak_of(reasons, state).why_to_end())
    assert streak_of(["stuck", *reasons[:-1]], state).why_to_end() is None
