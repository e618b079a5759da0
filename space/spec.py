"""What every architecture spec is: frozen data with one canonical form and one identity."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field

from space.counts import LayerCount, Size, as_size

Count = Annotated[int, Field(gt=0, strict=True)]
"""A whole number of at least 1; ``true`` and ``"4"`` are none, whatever JSON or Python make of them."""


class Spec(BaseModel):
    """A network as plain data: immutable, hashable, and without any idea of how it is trained.

    A family derives from this class, adds its fields and says what its layers are. Fields added later
    must have defaults: what equals its default is left out of the canonical form, so identities of old
    networks stay as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    in_channels: Count = 3
    num_classes: Count = 10

    @abstractmethod
    def canonical(self) -> Self:
        """Return the one spelling that all specs of this same network share."""

    @abstractmethod
    def layers(self, image_size: Size) -> list[LayerCount]:
        """Return every layer with parameters and MACs for images of ``image_size`` (pixels, or (H, W))."""

    @property
    @abstractmethod
    def notation(self) -> str:
        """The network in the notation of the papers."""

    @property
    def arch(self) -> str:
        """The identity: 12 hexadecimal digits, the same for all spellings of one network."""
        data = self.canonical().model_dump(mode="json", exclude_defaults=True) | {"family": self.family}
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def params(self) -> int:
        """Learned parameters, batch norms and the head included; a shared weight counts once."""
        return sum(layer.params for layer in self.layers(1))

    def macs(self, image_size: Size) -> int:
        """Multiply-accumulates of one image's forward pass, convolutions and the linear layer only."""
        return sum(layer.macs for layer in self.layers(as_size(image_size)))

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as plain data, every field spelt out; ``load_spec`` reads it back."""
        return self.model_dump(mode="json")
