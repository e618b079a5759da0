"""What MgNets and ResNets share: levels (grids), operators A and B, a stem and a head."""

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
    """One grid: nu smoothing iterations on features u with c_u channels and data f with c_f channels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nu: Count
    c_u: Count
    c_f: Count


class GridSpec(Spec):
    """Levels of smoothing iterations with operators A (c_u to c_f channels) and B (c_f to c_u channels).

    ``share_a`` and ``share_b`` select the iterations that share weights. ``network`` shares weights among
    levels of equal shape. ``groups_b`` is the number of groups of B's convolutions: a convolution has
    gcd(groups_b, in, out) groups, and gcd(in, out) groups with ``depthwise``. ``activation`` is sigma. The
    papers' constraint u >= 0 holds for ``relu`` only. The stem ``cifar`` is a 3x3 convolution. The stem
    ``imagenet`` is a 7x7 convolution with stride 2 and a max-pooling. ``dropout`` is the probability that a
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
        """For each level the shape of A and the number of applications that may share weights."""

    @property
    @abstractmethod
    def slots_b(self) -> list[Slots]:
        """For each level the shape of B and the number of applications that may share weights."""

    @property
    def owners_a(self) -> list[int]:
        """For each level the index of the level that stores its A."""
        return owners(self.share_a, self.slots_a)

    @property
    def owners_b(self) -> list[int]:
        """For each level the index of the level that stores its B."""
        return owners(self.share_b, self.slots_b)

    @property
    def params(self) -> int:
        """The number of learned parameters, batch norms and head included. A shared weight counts once."""
        return self.counts(1).params

    def stem_layers(self, channels: int, size: tuple[int, int], *, norm: bool = True) -> list[LayerCount]:
        """Return the layers of the stem.

        Args:
            channels: Output channels.
            size: Height and width of the images in pixels.
            norm: Whether a batch norm and sigma stand between convolution and max-pooling.
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
        """Return height and width of the first level for images of ``size`` (H, W)."""
        return counts.halved(counts.halved(size)) if self.stem == "imagenet" else size

    def head_layer(self, channels: int) -> LayerCount:
        """Return the linear layer after global average pooling. Its memory includes dropout's mask."""
        saved = channels * (2 if self.dropout else 1)
        return counts.linear("head", channels, self.num_classes, saved=saved)

    @property
    def keeps_outputs(self) -> bool:
        """Whether the backward pass of sigma needs its output (ReLU) or its input (all others).

        The next convolution keeps the same output, so ReLU saves memory.
        """
        return self.activation == "relu"


def groups_of(groups: int | Literal["depthwise"], in_channels: int, out_channels: int) -> int:
    """Return the number of groups of a convolution: gcd(groups, in_channels, out_channels)."""
    return math.gcd(0 if groups == "depthwise" else groups, in_channels, out_channels)


def simplest_groups(
    groups: int | Literal["depthwise"], shapes: Iterable[tuple[int, int]]
) -> int | Literal["depthwise"]:
    """Return the canonical value of ``groups_b`` among those with the same effect.

    Args:
        groups: The value to simplify.
        shapes: In- and output channels of all convolutions B.
    """
    if groups == 1:
        return 1
    pairs = list(shapes)
    found = [groups_of(groups, *shape) for shape in pairs]
    if all(number == 1 for number in found):
        return 1
    if found == [math.gcd(*shape) for shape in pairs]:
        return "depthwise"
    # the least common multiple divides `groups`, so each convolution's gcd with it is unchanged
    return math.lcm(*found)
