"""The limits of a search space on counts: parameters, MACs, activation memory, flash and SRAM."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.networks.counts import Counts
from space.networks.families import BUILT_IN

LIMITS = ("max_params", "max_macs", "max_activation_mib", "max_flash_kib", "max_sram_kib")
"""Keys of the ``[space]`` section that set a limit."""
KIB = 2**10
MIB = 2**20
DEVICE_COSTS = ("flash_kib", "sram_kib")
"""The counts of the int8 C code."""

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
        if any(limit is not None and value > limit for value, limit in pairs):
            return True
        flash, sram = config.max_flash_kib, config.max_sram_kib
        return (flash is not None and flash_kib(counts) > flash) or (
            sram is not None and sram_kib(counts) > sram
        )

    def activation_mib(self, counts: Counts) -> float:
        """Return the activation memory of a training step in MiB."""
        return counts.activation_bytes * self.batch_size / MIB

    def count_named(self, name: str) -> CountOf:
        """Return what selects ``params``, ``macs``, ``activation_mib``, ``flash_kib`` or ``sram_kib``."""
        return {
            "params": params_of,
            "macs": macs_of,
            "activation_mib": self.activation_mib,
            "flash_kib": flash_kib,
            "sram_kib": sram_kib,
        }[name]

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
        if limit == "max_flash_kib":
            return f"{count:.2f} KiB of constants as int8 C code"
        if limit == "max_sram_kib":
            return f"{count:.2f} KiB of static memory as int8 C code for {images}"
        return f"{count:.3f} MiB of activations in a training step of {self.batch_size} {images}"


def check_has_programs(config: SpaceConfig, asks: str) -> None:
    """Check that every network of a space has int8 C code.

    Args:
        config: The space.
        asks: The key that needs the code, for the error message.

    Raises:
        InvalidInputError: A family or an activation has none.
    """
    built_in = {family.name for family in BUILT_IN}
    for family in config.family.choices:
        if family not in built_in:
            raise InvalidInputError(
                f"{asks} needs int8 C code, but the family {family} of a plugin has none: use "
                f"{', '.join(sorted(built_in))}"
            )
    for activation in config.activation.choices:
        if activation != "relu":
            raise InvalidInputError(
                f"{asks} needs int8 C code, but the activation {activation} has none: set space.activation to relu"
            )


def params_of(counts: Counts) -> float:
    """Return the number of parameters."""
    return counts.params


def macs_of(counts: Counts) -> float:
    """Return the MACs of one image."""
    return counts.macs


def flash_kib(counts: Counts) -> float:
    """Return the constants of the int8 C code in KiB."""
    assert counts.flash_bytes is not None, "this space does not count flash"
    return counts.flash_bytes / KIB


def sram_kib(counts: Counts) -> float:
    """Return the static memory of the int8 C code in KiB."""
    assert counts.sram_bytes is not None, "this space does not count SRAM"
    return counts.sram_bytes / KIB
