"""Freeze-thaw: trainings pause at rungs and resume where that improves the front more than a new network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from search.schedulers.asha import ASHA
from search.schedulers.base import ContinuationPolicy


class FreezeThaw(ASHA):
    """Pauses trainings at rungs and asks a policy which one to resume.

    There are no quotas: a promising training runs to its end at once, and another one stays paused until nothing else
    is better. After ``total`` trials have started, paused trainings resume while the policy expects an improvement.

    Source: the idea of Swersky, Snoek, Adams 2014 (Freeze-Thaw Bayesian Optimization).

    Args:
        total: The number of trials to start.
        rungs: The rungs in epochs, ascending.
        policy: Chooses the paused training to resume.
        trials: The other arguments of ``FIFO``.
    """

    def __init__(self, total: int, rungs: Sequence[int], policy: ContinuationPolicy, **trials: Any) -> None:
        self._policy = policy
        super().__init__(total, rungs, 2, **trials)

    def _promotion(self) -> int | None:
        if not self._paused:
            return None
        return self._policy.best_to_continue(self._paused, may_start=self._may_start)
