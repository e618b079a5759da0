"""Parameters, multiply-accumulate operations (MACs) and activation memory: one small function per operator.

MACs are those of convolutions and linear layers in the forward pass of one image. Batch norms, activations,
additions and pooling are not counted. FLOPs are twice the MACs.

Activation memory is the memory of the tensors that autograd keeps for the backward pass of one image in
float32, each once, the image included. It grows with the batch. The statistics of batch norms do not, so they
are left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from space.core.errors import InvalidInputError, shown

Size = int | tuple[int, int]
FLOAT_BYTES = 4
INDEX_BYTES = 8
"""Bytes of the index of a maximum; max-pooling keeps one per output for its backward pass."""


class LayerCount(NamedTuple):
    """The counts of one layer.

    Attributes:
        name: Name of the layer, e.g. ``level1.A``.
        kind: Operator, e.g. ``conv 3x3``.
        params: Parameters of all copies.
        macs: MACs of all uses, for one image.
        out: Shape of the output, C, H, W.
        copies: Separate sets of weights; 0 where an earlier layer's weights are used.
        uses: Applications of all copies.
        activation_bytes: Activation memory of all uses, for one image.
    """

    name: str
    kind: str
    params: int
    macs: int
    out: tuple[int, int, int]
    copies: int = 1
    uses: int = 1
    activation_bytes: int = 0


class Counts(NamedTuple):
    """The sums over a network's layers. MACs and bytes are those of one image.

    Attributes:
        params: Parameters.
        macs: MACs.
        activation_bytes: Memory of what a training step keeps.
        flash_bytes: Constants of the int8 C code; None where they are not counted.
        sram_bytes: Static memory of the int8 C code; None where it is not counted.
    """

    params: int
    macs: int
    activation_bytes: int
    flash_bytes: int | None = None
    sram_bytes: int | None = None


def total(layers: Iterable[LayerCount]) -> Counts:
    """Return the sums over ``layers``."""
    params = macs = activation_bytes = 0
    for layer in layers:
        params += layer[2]
        macs += layer[3]
        activation_bytes += layer[7]
    return Counts(params, macs, activation_bytes)


def as_size(size: Size) -> tuple[int, int]:
    """Return height and width of an image size, which may be one number for square images.

    Raises:
        InvalidInputError: A side is no whole number of at least 1.
    """
    pair = (size, size) if isinstance(size, int) else size
    is_pair = isinstance(pair, (list, tuple)) and len(pair) == 2
    if not is_pair or not all(isinstance(side, int) and side >= 1 for side in pair):
        raise InvalidInputError(
            f"an image's size must be a whole number of at least 1, or two of them, but got {shown(size)}"
        )
    return pair[0], pair[1]


def halved(size: tuple[int, int]) -> tuple[int, int]:
    """Return height and width after stride 2: ceil(side / 2), for a 3x3 window with padding 1 or 7x7 with
    padding 3.
    """
    return (size[0] + 1) // 2, (size[1] + 1) // 2


def conv2d(
    name: str,
    in_channels: int,
    out_channels: int,
    out_size: tuple[int, int],
    *,
    kernel: int = 3,
    groups: int = 1,
    copies: int = 1,
    uses: int = 1,
    saved: int = 0,
) -> LayerCount:
    """Count convolutions without bias.

    Args:
        name: Name of the layer.
        in_channels: Input channels.
        out_channels: Output channels.
        out_size: Height and width of the output in pixels.
        kernel: Side of the kernel in pixels.
        groups: Number of groups; it must divide both numbers of channels.
        copies: Separate sets of weights.
        uses: Applications of all copies.
        saved: Float32 values kept for the backward pass: the inputs that no other layer has kept.
    """
    height, width = out_size
    weights = kernel * kernel * (in_channels // groups) * out_channels
    kind = f"conv {kernel}x{kernel}" if groups == 1 else f"conv {kernel}x{kernel}, {groups} groups"
    return LayerCount(
        name, kind, weights * copies, weights * height * width * uses, (out_channels, height, width),
        copies, uses, saved * FLOAT_BYTES,
    )  # fmt: skip


def batch_norm(
    name: str, channels: int, out_size: tuple[int, int], *, copies: int = 1, is_activated: bool = True
) -> LayerCount:
    """Count affine batch norms, each used once: scale and shift. Running statistics are no parameters.

    Each norm keeps its input. An activation after it (``is_activated``) keeps one tensor more.
    """
    height, width = out_size
    saved = (1 + is_activated) * copies * channels * height * width
    return LayerCount(
        name, "batch norm", 2 * channels * copies, 0, (channels, height, width),
        copies, copies, saved * FLOAT_BYTES,
    )  # fmt: skip


def average_pool(name: str, channels: int, out_size: tuple[int, int], *, saved: int = 0) -> LayerCount:
    """Count an average pooling. It has no weights; ``saved`` is the number of input values that it keeps."""
    return LayerCount(
        name, "average pool 3x3", 0, 0, (channels, *out_size), 0, 1, saved * FLOAT_BYTES
    )  # fmt: skip


def max_pool(name: str, channels: int, out_size: tuple[int, int], *, saved: int = 0) -> LayerCount:
    """Count a max-pooling. It keeps its input (``saved`` values) and the index of each output's maximum."""
    places = channels * out_size[0] * out_size[1] * INDEX_BYTES
    return LayerCount(
        name, "max pool 3x3", 0, 0, (channels, *out_size), 0, 1, saved * FLOAT_BYTES + places
    )  # fmt: skip


def scalars(
    name: str, number: int, out: tuple[int, int, int], *, copies: int, uses: int, saved: int = 0
) -> LayerCount:
    """Count ``number`` learned scalars per copy. Products with them are not counted as MACs."""
    return LayerCount(name, "scalars", number * copies, 0, out, copies, uses, saved * FLOAT_BYTES)


def linear(name: str, in_features: int, out_features: int, *, saved: int = 0) -> LayerCount:
    """Count a linear layer with bias."""
    macs = in_features * out_features
    return LayerCount(
        name, "linear", macs + out_features, macs, (out_features, 1, 1), 1, 1, saved * FLOAT_BYTES
    )  # fmt: skip
