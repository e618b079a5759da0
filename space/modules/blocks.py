"""Modules that all families share: convolutions, batch norm with activation, stem and head."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from space.networks.grid_spec import ActivationName, GridSpec, groups_of

ACTIVATIONS: dict[ActivationName, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "silu": F.silu,
    "gelu": F.gelu,
    "hardswish": F.hardswish,
}
"""The activations sigma by name. ``leaky_relu`` has torch's default slope, 0.01."""


def conv(
    in_channels: int, out_channels: int, kernel: int = 3, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Return a convolution without bias that keeps the size at stride 1, with He's initialisation for ReLUs
    (2015).
    """
    layer = nn.Conv2d(
        in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
    )
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


def conv_b(spec: GridSpec, in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Conv2d:
    """Return a convolution with the kernel and groups of the operators B of ``spec``."""
    groups = groups_of(spec.groups_b, in_channels, out_channels)
    return conv(in_channels, out_channels, spec.kernel_b, stride=stride, groups=groups)


class NormAct(nn.BatchNorm2d):
    """sigma(BN(x)): a batch norm and its activation. The shape N C H W stays."""

    def __init__(self, channels: int, activation: ActivationName) -> None:
        super().__init__(channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Return sigma(BN(x)), N C H W; with ``relu`` it is non-negative."""
        return ACTIVATIONS[self.activation](super().forward(x))


class GridNet(nn.Module):
    """The base class of networks with levels: stem, ``features`` of a subclass, head.

    The first level that uses a shared weight stores it. With ``is_reduced`` a family may leave out products
    that change the result by rounding only.
    """

    is_reduced = False

    def __init__(self, spec: GridSpec, stem_channels: int, head_channels: int, *, stem_norm: bool) -> None:
        super().__init__()
        self.spec = spec
        is_large = spec.stem == "imagenet"
        kernel, stride = (7, 2) if is_large else (3, 1)
        self.stem = conv(spec.in_channels, stem_channels, kernel, stride=stride)
        self.stem_norm = NormAct(stem_channels, spec.activation) if stem_norm else nn.Identity()
        self.stem_pool = nn.MaxPool2d(3, stride=2, padding=1) if is_large else nn.Identity()
        self.head = nn.Linear(head_channels, spec.num_classes)

    def from_images(self, images: Tensor) -> Tensor:
        """Return the stem's output, N C H' W', for images N C H W."""
        output: Tensor = self.stem_pool(self.stem_norm(self.stem(images)))
        return output

    def features(self, images: Tensor) -> Tensor:
        """Return the features of the last grid, N C H' W'; with ``relu`` they are non-negative."""
        raise AssertionError("a family overrides features")

    def forward(self, images: Tensor) -> Tensor:
        """Return logits N K for images N C H W: features, global average pooling, dropout, linear layer."""
        pooled = self.features(images).mean(dim=(2, 3))
        if self.spec.dropout:
            pooled = F.dropout(pooled, self.spec.dropout, self.training)
        logits: Tensor = self.head(pooled)
        return logits


def zeros_like_grid(f: Tensor, channels: int) -> Tensor:
    """Return u = 0, N channels H W, on the grid and in the memory order of ``f``.

    In another memory order every addition to u would copy its operand.
    """
    is_last = f.is_contiguous(memory_format=torch.channels_last)
    order = torch.channels_last if is_last else torch.contiguous_format
    shape = (f.shape[0], channels, *f.shape[2:])
    return torch.empty(shape, dtype=f.dtype, device=f.device, memory_format=order).zero_()
