"""A trial as the engine learns from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from search.frontier.points import Point

MAX_MAGNITUDE = 1e100
"""Values of a larger magnitude count as not finite."""

State = Literal["running", "paused", "stopped", "pruned", "complete", "failed"]


def is_usable_number(value: float) -> bool:
    """Return whether ``value`` is finite and small enough to calculate with."""
    return abs(value) < MAX_MAGNITUDE


@dataclass
class Observation:
    """A point, the state of its trial, and its results so far. Everything is minimised.

    Attributes:
        point: The point evaluated.
        state: ``stopped`` trials ended early for lack of budget, ``pruned`` ones because they were poor.
        errors: Validation error by epoch, from 1.
        costs: The other objectives, NaN where unknown; None if all are unknown.
        epochs: Epochs of a complete training.
        violations: Values of constraints by name; a constraint is satisfied where the value is at most 0.
        losses: Training loss by epoch.
    """

    point: Point
    state: State = "running"
    errors: dict[int, float] = field(default_factory=dict)
    costs: tuple[float, ...] | None = None
    epochs: int = 1
    violations: Mapping[str, float] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)

    @property
    def is_feasible(self) -> bool:
        """Whether all constraints are satisfied."""
        return all(value <= 0 for value in self.violations.values())

    @property
    def is_success(self) -> bool:
        """Whether the trial is feasible and neither failed nor was pruned."""
        return self.state not in ("failed", "pruned") and self.is_feasible
