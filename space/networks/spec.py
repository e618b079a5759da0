"""The base class of all architecture specs: frozen data with one canonical form and one identity."""

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
"""A whole number from 1 to 10^9. Booleans and strings are refused."""


class LayerCounter(Protocol):
    """Counts the networks of a family that has no formulas."""

    def params(self, spec: Spec) -> int:
        """Return the number of learned parameters."""
        ...

    def layers(self, spec: Spec, image_size: tuple[int, int]) -> tuple[LayerCount, ...]:
        """Return the counts of every layer for images of ``image_size`` (H, W), in pixels."""
        ...


class Spec(BaseModel):
    """A network as immutable, hashable data. It says nothing about the training.

    A family derives from this class and adds its fields. ``notation_name`` is the first word of its notation.
    Everything else has a default: the spec is its own canonical form, layers are counted on the built network
    (on torch's meta device, in milliseconds), and the notation lists the fields. Fields that are
    added later need defaults: the identity omits fields that equal their default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    notation_name: ClassVar[str] = ""
    layer_counter: ClassVar[LayerCounter | None] = None
    """The counter of a family without formulas; ``register_family`` sets it."""

    family: str
    in_channels: Count = 3
    num_classes: Count = 10

    def canonical(self) -> Self:
        """Return the canonical form: the same for all specs that describe this network."""
        return self

    def layers(self, image_size: Size) -> list[LayerCount]:
        """Return the counts of every layer, in the order of the forward pass.

        Args:
            image_size: Height and width in pixels, or one number for square images.

        Raises:
            InvalidInputError: The size is no image size, or the family is not registered.
            UnbuildableError: A plugin's network cannot be built for this size.
        """
        return list(self._layer_counter().layers(self, as_size(image_size)))

    @property
    def notation(self) -> str:
        """The network as one line of text; ``parse_notation`` is the inverse."""
        return format_fields(self, self.notation_name)

    @classmethod
    def read_notation(cls, reader: Reader, facts: Mapping[str, Any]) -> Spec:
        """Return the spec whose notation follows ``notation_name``.

        Args:
            reader: A cursor behind ``notation_name``.
            facts: ``in_channels`` and ``num_classes``, which the notation leaves out.

        Raises:
            InvalidInputError: The text is no notation of this family. The message shows the position.
        """
        return read_fields(cls, reader, facts)

    @classmethod
    def from_hyperparameters(cls, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> Self:
        """Return the spec of a point in a search space. A family whose fields are lists may build them here.

        Args:
            hyperparameters: Values by the names in the study's section of this family.
            facts: ``in_channels`` and ``num_classes``.

        Raises:
            ValidationError: A value is invalid (pydantic).
        """
        return cls.model_validate({**hyperparameters, **facts})

    @property
    def arch(self) -> str:
        """The identity: the first 12 hexadecimal digits of the SHA-256 of the canonical form."""
        data = without_defaults(self.canonical()) | {"family": self.family}
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def counts(self, image_size: Size) -> Counts:
        """Return parameters, MACs and activation memory. MACs and memory are those of one image.

        Args:
            image_size: Height and width in pixels, or one number for square images.
        """
        return total(self.layers(image_size))

    @property
    def params(self) -> int:
        """The number of learned parameters, batch norms and head included. A shared weight counts once."""
        return self._layer_counter().params(self)

    def _layer_counter(self) -> LayerCounter:
        if self.layer_counter is None:
            raise InvalidInputError(
                f"the family {self.family!r} is not registered; call register_family({type(self).__name__}, builder)"
            )
        return self.layer_counter

    def macs(self, image_size: Size) -> int:
        """Return the multiply-accumulate operations of one image's forward pass: convolutions and linear layer
        only.
        """
        return self.counts(image_size).macs

    def replaced(self, **fields: Any) -> Self:
        """Return the spec with other values of some fields. The values must be valid: they are not checked."""
        spec = type(self).model_construct(**(dict(self) | fields))
        assert isinstance(spec, type(self))
        return spec

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain data; ``load_spec`` is the inverse."""
        return self.model_dump(mode="json")
