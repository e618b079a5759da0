"""What every architecture spec is: frozen data with one canonical form and one identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field

from space.core.cursor import Reader
from space.core.errors import InvalidInputError
from space.core.plain_data import without_defaults
from space.networks.counts import Counts, LayerCount, Size, as_size, total
from space.notation.fields import format_fields, read_fields

Count = Annotated[int, Field(gt=0, le=10**9, strict=True)]
"""A whole number from 1 to a billion; ``true`` and ``"4"`` are none, whatever JSON or Python make of them."""


class LayerCounter(Protocol):
    """Counts the networks of a family that has no formulas."""

    def params(self, spec: Spec) -> int:
        """Return the learned parameters."""
        ...

    def layers(self, spec: Spec, image_size: tuple[int, int]) -> tuple[LayerCount, ...]:
        """Return every layer with its counts."""
        ...


class Spec(BaseModel):
    """A network as frozen data.

    A family derives from this class and adds its fields. Every method has a default: the spec is its own
    canonical form, layers are counted on the built network on torch's meta device, and the notation lists the
    fields. ``notation_name`` starts the notation.

    Fields that are added later need defaults. The identity omits fields that equal their default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    notation_name: ClassVar[str] = ""
    layer_counter: ClassVar[LayerCounter | None] = None
    """Set by ``register_family`` for families without formulas."""

    family: str
    in_channels: Count = 3
    num_classes: Count = 10

    def canonical(self) -> Self:
        """Return the one spelling that all specs of this same network share."""
        return self

    def layers(self, image_size: Size) -> list[LayerCount]:
        """Return every layer with its counts for images of ``image_size`` (pixels, or (H, W))."""
        return list(self._layer_counter().layers(self, as_size(image_size)))

    @property
    def notation(self) -> str:
        """The network as one short text, which ``space.parse_notation`` reads back."""
        return format_fields(self, self.notation_name)

    @classmethod
    def read_notation(cls, reader: Reader, facts: Mapping[str, Any]) -> Spec:
        """Return the spec written behind ``notation_name``; ``facts`` are its channels and classes.

        Raises:
            InvalidInputError: the text is no notation of this family; the message points at the character.
        """
        return read_fields(cls, reader, facts)

    @classmethod
    def from_hyperparameters(cls, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Self:
        """Return the spec of a point in a search space: ``hyperparameters`` as the study's section names them.

        ``facts`` holds in_channels and num_classes. Families whose fields are lists may build them here.
        """
        return cls.model_validate({**hyperparameters, **facts})

    @property
    def arch(self) -> str:
        """The identity: 12 hexadecimal digits, the same for all spellings of one network."""
        data = without_defaults(self.canonical()) | {"family": self.family}
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def counts(self, image_size: Size) -> Counts:
        """Return parameters, MACs and activation memory of a training step, the latter two of one image."""
        return total(self.layers(image_size))

    @property
    def params(self) -> int:
        """Learned parameters, batch norms and the head included; a shared weight counts once."""
        return self._layer_counter().params(self)

    def _layer_counter(self) -> LayerCounter:
        if self.layer_counter is None:
            raise InvalidInputError(
                f"the family {self.family!r} is not registered; call register_family({type(self).__name__}, builder)"
            )
        return self.layer_counter

    def macs(self, image_size: Size) -> int:
        """Multiply-accumulates of one image's forward pass, convolutions and the linear layer only."""
        return self.counts(image_size).macs

    def replaced(self, **fields: Any) -> Self:
        """Return the spec with other values of some fields, which must be valid: they are not checked."""
        spec = type(self).model_construct(**(dict(self) | fields))
        assert isinstance(spec, type(self))
        return spec

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as plain data, every field spelt out; ``load_spec`` reads it back."""
        return self.model_dump(mode="json")
