"""What a simulation searches: a search space and the learning curve of each network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from space.networks.spec import Spec
from space.search_space import SearchSpace


@dataclass(frozen=True)
class Curve:
    """One training: the validation accuracy (0 to 1) after each epoch, and the seconds each took.

    ``failure`` is why it ended without a network, after the last of its epochs; None if it did not. The
    losses after each epoch may be left out.
    """

    val_accuracy: tuple[float, ...]
    seconds: tuple[float, ...]
    failure: str | None = None
    train_loss: tuple[float, ...] = ()
    val_loss: tuple[float, ...] = ()


class Problem(Protocol):
    """A space and its trainings."""

    @property
    def name(self) -> str:
        """What the problem is called."""
        ...

    @property
    def space(self) -> SearchSpace:
        """The networks that may be tried."""
        ...

    @property
    def epochs(self) -> int:
        """The epochs of a whole training."""
        ...

    def curve(self, spec: Spec, seed: int) -> Curve:
        """Return the training of a network from a seed: always the same for the same arguments."""
        ...

    def outcomes(self) -> Mapping[str, tuple[int, float]] | None:
        """Return parameters and expected final accuracy of every network by its identity.

        None where the space is too large to know; then a search is compared with others only.
        """
        ...
