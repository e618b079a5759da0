"""What a simulation searches: a search space and the learning curve of each network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from space.networks.spec import Spec
from space.search_space import SearchSpace


@dataclass(frozen=True)
class Curve:
    """One training: the validation accuracy (0 to 1) and the seconds of each epoch.

    ``failure`` is the reason why the training failed after its last epoch; None if it succeeded. The losses of
    the epochs are optional.
    """

    val_accuracy: tuple[float, ...]
    seconds: tuple[float, ...]
    failure: str | None = None
    train_loss: tuple[float, ...] = ()
    val_loss: tuple[float, ...] = ()


class Problem(Protocol):
    """A search space and its trainings."""

    @property
    def name(self) -> str:
        """The name of the problem."""
        ...

    @property
    def space(self) -> SearchSpace:
        """The search space."""
        ...

    @property
    def epochs(self) -> int:
        """Epochs of a complete training."""
        ...

    def curve(self, spec: Spec, seed: int) -> Curve:
        """Return the training of a network from a seed. Equal arguments give equal curves."""
        ...

    def outcomes(self) -> Mapping[str, tuple[int, float]] | None:
        """Return (parameters, expected final accuracy) of every network by its identity.

        None if the space is too large. Fractions of the best hypervolume are then unknown.
        """
        ...
