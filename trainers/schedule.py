"""Learning-rate schedules: pure functions from progress in [0, 1] to a multiplier in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainers.recipe import Recipe


def multiplier(recipe: Recipe, progress: float) -> float:
    """Return the multiplier of a recipe's schedule."""
    schedule = one_cycle if recipe.schedule == "one_cycle" else thirds
    return schedule(progress, recipe.warmup)


def thirds(progress: float, warmup: float) -> float:
    """Return the multiplier of a linear rise during the share ``warmup``; by thirds 1, 1/10 and 1/100."""
    rise = min(1.0, progress / warmup) if warmup else 1.0
    return rise * float(0.1 ** min(2, int(3 * progress)))


def one_cycle(progress: float, warmup: float) -> float:
    """Return the multiplier of a linear rise during the share ``warmup``, then a linear fall to 0."""
    if progress < warmup:
        return progress / warmup
    return (1.0 - progress) / (1.0 - warmup)
