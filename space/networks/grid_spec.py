"""What MgNets and ResNets have in common: levels (grids), operators A and B, a stem, a head."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from space.core.errors import shown
from space.networks import counts
from space.networks.counts import LayerCount
from space.networks.spec import Count, Spec
from space.networks.weight_sharing import Sharing, Slots, owners

ActivationName = Literal["relu", "leaky_relu", "silu", "gelu", "hardswish"]
StemName = Literal["cifar", "imagenet"]
KERNELS = (1, 3, 5)


def _check_kernel(value: Any) -> Any:
    if isinstance(value, bool) or value not in KERNELS:
        raise ValueError(f"must be 1, 3 or 5, but got {shown(value)}")
    return value


def _check_groups(value: Any) -> Any:
    if value != "depthwise" and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f'must be a whole number of at least 1, or "depthwise", but got {shown(value)}')
    return value


Kernel = Annotated[Literal[1, 3, 5], BeforeValidator(_check_kernel)]
Groups = Annotated[int | Literal["depthwise"], BeforeValidator(_check_groups)]


class Level(BaseModel):
    """One grid: ``nu`` smoothing iterations on features of ``c_u`` and data of ``c_f`` channels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nu: Count
    c_u: Count
    c_f: Count


class GridSpec(Spec):
    """Levels of smoothing iterations with an operator A (c_u to c_f) and an operator B (c_f to c_u).

    ``share_a`` and ``share_b`` say which iterations use the same weights, over the whole network only where
    shapes agree. ``groups_b`` is the number of groups of B's convolutions as far as it divides their
    channels: each has gcd(groups_b, in, out) groups, and as many as divide both with ``depthwise``.
    ``activation`` is sigma; the equations' u >= 0 holds for ``relu``. The stem ``cifar`` is a convolution
    3x3, ``imagenet`` one of 7x7 with stride 2 and a max-pooling. ``dropout`` is the probability that a
    feature is dropped before the head.
    """

    levels: tuple[Level, ...] = Field(min_length=1)
    share_a: Sharing = "level"
    share_b: Sharing = "level"
    kernel_b: Kernel = 3
    groups_b: Groups = 1
    activation: ActivationName = "relu"
    stem: StemName = "cifar"
    dropout: float = Field(default=0.0, ge=0, lt=1, allow_inf_nan=False)

    @property
    @abstractmethod
    def slots_a(self) -> list[Slots]:
        """Shape and number of the applications of A that may share weights, by level."""

    @property
    @abstractmethod
    def slots_b(self) -> list[Slots]:
        """Shape and number of the applications of B that may share weights, by level."""

    @property
    def owners_a(self) -> list[int]:
        """For each level the index of the level whose A it uses."""
        return owners(self.share_a, self.slots_a)

    @property
    def owners_b(self) -> list[int]:
        """For each level the index of the level whose B it uses."""
        return owners(self.share_b, self.slots_b)

    @property
    def params(self) -> int:
        """Learned parameters, batch norms and the head included; a shared weight counts once."""
        return self.counts(1).params

    def stem_layers(self, channels: int, size: tuple[int, int], *, norm: bool = True) -> list[LayerCount]:
        """Return the layers of the stem for images of ``size``.

        ``norm`` is whether a batch norm and sigma stand between convolution and max-pooling.
        """
        is_large = self.stem == "imagenet"
        full = counts.halved(size) if is_large else size
        image = self.in_channels * size[0] * size[1]
        kernel = 7 if is_large else 3
        rows = [counts.conv2d("stem", self.in_channels, channels, full, kernel=kernel, saved=image)]
        if norm:
            rows.append(counts.batch_norm("stem.norm", channels, full))
        if is_large:
            pooled_input = 0 if norm and self.keeps_outputs else channels * full[0] * full[1]
            pooled = counts.halved(full)
            rows.append(counts.max_pool("stem.pool", channels, pooled, saved=pooled_input))
        return rows

    def size_after_stem(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return ``(H, W)`` of the first level for images of ``size``."""
        return counts.halved(counts.halved(size)) if self.stem == "imagenet" else size

    def head_layer(self, channels: int) -> LayerCount:
        """Return the linear layer behind the global average pooling, and what dropout before it keeps."""
        saved = channels * (2 if self.dropout else 1)
        return counts.linear("head", channels, self.num_classes, saved=saved)

    @property
    def keeps_outputs(self) -> bool:
        """Whether sigma keeps its output for the backward pass (ReLU does) or its input, as all others do.

        A convolution behind it keeps that same output, so ReLU saves memory.
        """
        return self.activation == "relu"


def groups_of(groups: int | Literal["depthwise"], in_channels: int, out_channels: int) -> int:
    """Return a convolution's number of groups: ``groups`` as far as it divides both numbers of channels."""
    return math.gcd(0 if groups == "depthwise" else groups, in_channels, out_channels)


def simplest_groups(
    groups: int | Literal["depthwise"], shapes: Iterable[tuple[int, int]]
) -> int | Literal["depthwise"]:
    """Return the canonical one of the ``groups_b`` that mean the same for convolutions of these shapes."""
    if groups == 1:
        return 1
    pairs = list(shapes)
    found = [groups_of(groups, *shape) for shape in pairs]
    if all(number == 1 for number in found):
        return 1
    if found == [math.gcd(*shape) for shape in pairs]:
        return "depthwise"
    # the least common multiple divides `groups`, so every convolution takes its own number out of it again
    return math.lcm(*found)
