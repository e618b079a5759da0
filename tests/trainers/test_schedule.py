"""Schedules are pure: from progress to a multiplier."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers import Recipe
from trainers.schedule import multiplier, one_cycle, thirds


@given(progress=st.floats(0, 1), warmup=st.floats(0, 0.9))
def test_multipliers_are_shares(progress: float, warmup: float) -> None:
    for schedule in (one_cycle, thirds):
        assert 0 <= schedule(progress, warmup) <= 1


def test_the_published_recipe_divides_by_ten_twice() -> None:
    recipe = Recipe(epochs=150, schedule="step", warmup=0.0)
    values = [multiplier(recipe, (epoch + 0.5) / 150) for epoch in range(150)]
    assert values == pytest.approx([1.0] * 50 + [0.1] * 50 + [0.01] * 50)


def test_the_default_is_one_cycle() -> None:
    recipe = Recipe(warmup=0.25)
    assert [multiplier(recipe, p) for p in (0.125, 0.25, 0.625, 1.0)] == pytest.approx([0.5, 1.0, 0.5, 0.0])
