"""The limits of a search space on counts: parameters, MACs and activation memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.networks.counts import Counts

LIMITS = ("max_params", "max_macs", "max_activation_mib")
"""Keys of the ``[space]`` section that set a limit."""
MIB = 2**20

CountOf = Callable[[Counts], float]
"""Selects one count of a network."""


@dataclass(frozen=True)
class Limits:
    """The limits of a ``SpaceConfig``.

    Attributes:
        config: The space, with its limits.
        image_size: Height and width of the images in pixels.
        batch_size: Images of a training step, for the limit of activation memory.
    """

    config: SpaceConfig
    image_size: tuple[int, int]
    batch_size: int

    @property
    def given(self) -> dict[str, float]:
        """The limits that are set, by key."""
        return {name: limit for name in LIMITS if (limit := getattr(self.config, name)) is not None}

    def are_exceeded(self, counts: Counts) -> bool:
        """Return whether a network with these counts exceeds a limit."""
        config = self.config
        pairs = (
            (counts.params, config.max_params),
            (counts.macs, config.max_macs),
            (self.activation_mib(counts), config.max_activation_mib),
        )
        return any(limit is not None and value > limit for value, limit in pairs)

    def activation_mib(self, counts: Counts) -> float:
        """Return the activation memory of a training step in MiB."""
        return counts.activation_bytes * self.batch_size / MIB

    def count_named(self, name: str) -> CountOf:
        """Return what selects ``params``, ``macs`` (of one image) or ``activation_mib``."""
        return {"params": params_of, "macs": macs_of, "activation_mib": self.activation_mib}[name]

    def refusal(self, least: dict[str, float]) -> InvalidInputError:
        """Return the error of a space without feasible networks.

        Args:
            least: For each limit's key, the least count of any network.
        """
        for name, limit in self.given.items():
            if least[name] > limit:
                return InvalidInputError(
                    f"space.{name} = {limit}, but the smallest network of this space has "
                    f"{self._text(name, least[name])}"
                )
        limits = " and ".join(f"space.{name} = {limit}" for name, limit in self.given.items())
        within = "both" if len(self.given) == 2 else "all"
        return InvalidInputError(
            f"{limits}, but no network of this space is within {within}: raise one of them"
        )

    def _text(self, limit: str, count: float) -> str:
        """Return a count in words, for the message of the limit of this key."""
        height, width = self.image_size
        images = f"images of {height} x {width}"
        if limit == "max_params":
            return f"{count:.0f} parameters"
        if limit == "max_macs":
            return f"{count:.0f} MACs on {images}"
        return f"{count:.3f} MiB of activations in a training step of {self.batch_size} {images}"


def params_of(counts: Counts) -> float:
    """Return the number of parameters."""
    return counts.params


def macs_of(counts: Counts) -> float:
    """Return the MACs of one image."""
    return counts.macs
