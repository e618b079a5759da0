"""Freeze and thaw: trainings pause at rungs, and go on where that promises more than a new network."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Protocol

from search.halving import Halving


class Adviser(Protocol):
    """Somebody with a model of what trainings may still bring."""

    def best_to_continue(self, paused: Collection[int], *, may_start: bool) -> int | None:
        """Return which of the paused trials to go on with, or None.

        None means that a new network promises more or, where none ``may_start``, that nothing is worth it.
        """
        ...


class FreezeThaw(Halving):
    """Pauses trainings at rungs, and asks an adviser what to go on with.

    There are no shares of those that go on: a network that keeps its promise is trained to its end at
    once, and one that does not stays where it is, until nothing else is better. When ``total`` trials
    have begun, the best paused ones go on while the adviser sees anything in them.

    Source: the idea of Swersky, Snoek, Adams 2014 (Freeze-Thaw Bayesian Optimization).
    """

    def __init__(self, total: int, rungs: Sequence[int], adviser: Adviser, **trials: Any) -> None:
        """Take the ``trials`` of earlier runs, references and losses by name, as ``FullLength`` does."""
        self._adviser = adviser
        super().__init__(total, rungs, 2, **trials)

    def _promotion(self) -> int | None:
        if not self._paused:
            return None
        return self._adviser.best_to_continue(self._paused, may_start=self._may_start)
