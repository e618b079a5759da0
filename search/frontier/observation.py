"""A point that was tried: what the engine learns from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from search.frontier.points import Point

MOST = 1e100
"""Beyond it, values count as not finite."""


def is_sound(value: float) -> bool:
    """Return whether one can calculate with a value."""
    return abs(value) < MOST


@dataclass
class Tried:
    """A point that was tried, and what came of it so far.

    ``errors`` are those seen by epoch, from 1, and ``costs`` the objectives besides where they are known,
    all to be minimised; ``losses`` are training losses by epoch, where there are any. A whole training has
    ``epochs``. A trial that is ``stopped`` or ``pruned`` has no result but its epochs: the first could have
    gone on, the other was not wanted. ``violations`` are the values of its constraints by name, as far as
    they are known, each kept where it is at most 0.
    """

    point: Point
    state: Literal["running", "paused", "stopped", "pruned", "complete", "failed"] = "running"
    errors: dict[int, float] = field(default_factory=dict)
    costs: tuple[float, ...] | None = None
    epochs: int = 1
    violations: Mapping[str, float] = field(default_factory=dict)
    losses: dict[int, float] = field(default_factory=dict)

    @property
    def is_feasible(self) -> bool:
        """Whether it has kept its constraints."""
        return all(value <= 0 for value in self.violations.values())

    @property
    def is_of_use(self) -> bool:
        """Whether it has not failed, was not pruned, and has kept its constraints."""
        return self.state not in ("failed", "pruned") and self.is_feasible
