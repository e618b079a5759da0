"""Learning-rate schedules: pure functions from progress in [0, 1] to a multiplier in [0, 1]."""

from __future__ import annotations


def one_cycle(progress: float, warmup: float) -> float:
    """Return the multiplier of a linear rise during the share ``warmup``, then a linear fall to 0."""
    if progress < warmup:
        return progress / warmup
    return (1.0 - progress) / (1.0 - warmup)
