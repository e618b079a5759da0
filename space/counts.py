"""Counting parameters and multiply-accumulates (MACs), one small function per operator.

Convention: MACs are those of convolutions and linear layers for one image, forward pass. Batch norms,
activations, additions and pooling are not counted. FLOPs would be twice the MACs.
"""

from __future__ import annotations

from dataclasses import dataclass

Size = int | tuple[int, int]


@dataclass(frozen=True)
class LayerCount:
    """Parameters and MACs of one layer; ``out`` is its output shape C, H, W, ``uses`` how often it runs."""

    name: str
    kind: str
    params: int
    macs: int
    out: tuple[int, int, int]
    uses: int = 1


def as_size(size: Size) -> tuple[int, int]:
    """Return ``(H, W)`` for a square size given as one number, or the pair itself."""
    return (size, size) if isinstance(size, int) else size


def halved(size: Size) -> tuple[int, int]:
    """Return ``(H, W)`` after a 3x3 convolution with stride 2 and padding 1 (odd sizes round up)."""
    height, width = as_size(size)
    return (height + 1) // 2, (width + 1) // 2


def conv2d(
    name: str, in_channels: int, out_channels: int, out_size: Size, *, kernel: int = 3, uses: int = 1
) -> LayerCount:
    """Count a convolution without bias whose output is ``out_size``, run ``uses`` times."""
    height, width = as_size(out_size)
    params = kernel * kernel * in_channels * out_channels
    macs = params * height * width * uses
    return LayerCount(name, f"conv {kernel}x{kernel}", params, macs, (out_channels, height, width), uses)


def batch_norm(name: str, channels: int, out_size: Size) -> LayerCount:
    """Count an affine batch norm: scale and shift; running statistics are not parameters."""
    return LayerCount(name, "batch norm", 2 * channels, 0, (channels, *as_size(out_size)))


def linear(name: str, in_features: int, out_features: int) -> LayerCount:
    """Count a linear layer with bias."""
    macs = in_features * out_features
    return LayerCount(name, "linear", macs + out_features, macs, (out_features, 1, 1))
