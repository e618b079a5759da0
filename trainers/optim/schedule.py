"""Learning-rate schedules: pure functions from progress in [0, 1] to a multiplier in [0, 1]."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainers.recipe import Recipe


def multiplier(recipe: Recipe, progress: float) -> float:
    """Return the multiplier of the recipe's schedule at ``progress``."""
    if recipe.schedule == "constant":
        return constant_then_decay(progress, recipe.warmup, recipe.decay)
    return (one_cycle if recipe.schedule == "one_cycle" else thirds)(progress, recipe.warmup)


def constant_then_decay(progress: float, warmup: float, decay: float) -> float:
    """Return a linear rise over the fraction ``warmup``, then 1, then a linear fall to 0 over ``decay``.

    Before the fall, the rate does not depend on the length of the training, except for the rise (Zhai et al.
    2022, "Scaling Vision Transformers", section 3.5).
    """
    fall = (1.0 - progress) / decay if decay else 1.0
    return max(0.0, min(_rise(progress, warmup), fall))


def thirds(progress: float, warmup: float) -> float:
    """Return a linear rise over the fraction ``warmup``; the factors of the thirds are 1, 1/10 and 1/100."""
    return _rise(progress, warmup) * float(0.1 ** min(2, int(3 * progress)))


def one_cycle(progress: float, warmup: float) -> float:
    """Return a linear rise over the fraction ``warmup``, then a linear fall to 0."""
    if progress < warmup:
        return progress / warmup
    return (1.0 - progress) / (1.0 - warmup)


def _rise(progress: float, warmup: float) -> float:
    return min(1.0, progress / warmup) if warmup else 1.0
