"""Schedules: the properties of each, for every progress."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.optim.schedule import constant_then_decay, multiplier, one_cycle
from trainers.recipe import Recipe

share = st.floats(0, 0.9)
progress = st.floats(0, 1)


@given(warmup=share, at=progress)
def test_one_cycle_stays_between_0_and_1_and_ends_at_0(warmup: float, at: float) -> None:
    assert 0 <= one_cycle(at, warmup) <= 1
    assert one_cycle(1.0, warmup) == 0
    assert one_cycle(warmup, warmup) == 1


@given(warmup=share, decay=st.floats(0, 1), at=progress)
def test_the_constant_rate_rises_and_falls(warmup: float, decay: float, at: float) -> None:
    assert 0 <= constant_then_decay(at, warmup, decay) <= 1
    if warmup <= at <= 1 - decay:
        assert constant_then_decay(at, warmup, decay) >= 1 - 1e-9
    if decay:
        assert constant_then_decay(1.0, warmup, decay) == 0


def test_the_papers_schedule_is_divided_by_ten_twice() -> None:
    recipe = Recipe(epochs=150, schedule="step", warmup=0.0)
    values = [multiplier(recipe, (epoch + 0.5) / 150) for epoch in range(150)]
    assert values == pytest.approx([1.0] * 50 + [0.1] * 50 + [0.01] * 50)


def test_the_default_is_constant_with_a_fall() -> None:
    recipe = Recipe(warmup=0.1, decay=0.5)
    values = [multiplier(recipe, at) for at in (0.05, 0.1, 0.5, 0.75, 1.0)]
    assert values == pytest.approx([0.5, 1.0, 1.0, 0.5, 0.0])
