"""Counting parameters, multiply-accumulates (MACs) and activation memory, one small function per operator.

Conventions. MACs are those of convolutions and linear layers in the forward pass of one image; batch norms,
activations, additions and pooling are not counted, and FLOPs would be twice the MACs. Activation memory is
what a training step in float32 keeps of one image for its backward pass: the tensors that autograd saves,
each once, the image included. It grows with the batch; the statistics of batch norms, which do not, are
left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from space.core.errors import InvalidInputError, shown

Size = int | tuple[int, int]
FLOAT_BYTES = 4
INDEX_BYTES = 8
"""Of an element's place, which max-pooling keeps for its backward pass."""


class LayerCount(NamedTuple):
    """The counts of one layer.

    ``copies`` is the number of separate weights of this kind (an operator for each iteration, say; 0 where
    an earlier layer's weights are used), ``uses`` how often they are applied in all. ``params``, ``macs``
    and ``activation_bytes`` (of one image) are for all of them. ``out`` is the output's shape C, H, W.
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
    """The sums over a network's layers; MACs and activation bytes are those of one image."""

    params: int
    macs: int
    activation_bytes: int


def total(layers: Iterable[LayerCount]) -> Counts:
    """Return the sums over ``layers``."""
    params = macs = activation_bytes = 0
    for layer in layers:
        params += layer[2]
        macs += layer[3]
        activation_bytes += layer[7]
    return Counts(params, macs, activation_bytes)


def as_size(size: Size) -> tuple[int, int]:
    """Return ``(H, W)`` for a square size given as one number, or the pair itself.

    Raises:
        InvalidInputError: there is no image of that size.
    """
    pair = (size, size) if isinstance(size, int) else size
    is_pair = isinstance(pair, (list, tuple)) and len(pair) == 2
    if not is_pair or not all(isinstance(side, int) and side >= 1 for side in pair):
        raise InvalidInputError(
            f"an image's size must be a whole number of at least 1, or two of them, but got {shown(size)}"
        )
    return pair[0], pair[1]


def halved(size: tuple[int, int]) -> tuple[int, int]:
    """Return ``(H, W)`` after a stride of 2, with a 3x3 window padded by 1 or 7x7 by 3: rounded up."""
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
    """Count convolutions without bias whose output is ``out_size``.

    ``groups`` must divide both numbers of channels. ``saved`` is the number of float32 values that they
    keep for the backward pass, which is their input where nothing else has saved it.
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
    """Count affine batch norms, each used once: scale and shift; running statistics are not parameters.

    Each keeps its input, and the activation behind it, if there is one, its own input or its output.
    """
    height, width = out_size
    saved = (1 + is_activated) * copies * channels * height * width
    return LayerCount(
        name, "batch norm", 2 * channels * copies, 0, (channels, height, width),
        copies, copies, saved * FLOAT_BYTES,
    )  # fmt: skip


def average_pool(name: str, channels: int, out_size: tuple[int, int], *, saved: int = 0) -> LayerCount:
    """Count an average pooling, which has no weights but keeps its input where nothing else has."""
    return LayerCount(
        name, "average pool 3x3", 0, 0, (channels, *out_size), 0, 1, saved * FLOAT_BYTES
    )  # fmt: skip


def max_pool(name: str, channels: int, out_size: tuple[int, int], *, saved: int = 0) -> LayerCount:
    """Count a max-pooling: besides its input it keeps the place of every output's maximum."""
    places = channels * out_size[0] * out_size[1] * INDEX_BYTES
    return LayerCount(
        name, "max pool 3x3", 0, 0, (channels, *out_size), 0, 1, saved * FLOAT_BYTES + places
    )  # fmt: skip


def scalars(
    name: str, number: int, out: tuple[int, int, int], *, copies: int, uses: int, saved: int = 0
) -> LayerCount:
    """Count learned scalars, ``number`` in each copy; products with them are not counted as MACs."""
    return LayerCount(name, "scalars", number * copies, 0, out, copies, uses, saved * FLOAT_BYTES)


def linear(name: str, in_features: int, out_features: int, *, saved: int = 0) -> LayerCount:
    """Count a linear layer with bias."""
    macs = in_features * out_features
    return LayerCount(
        name, "linear", macs + out_features, macs, (out_features, 1, 1), 1, 1, saved * FLOAT_BYTES
    )  # fmt: skip
