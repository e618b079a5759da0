"""Pieces that the families share: convolutions without bias, batch norm with activation, stem and head."""

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
"""Every sigma by its name, with torch's default slope of 0.01 for ``leaky_relu``."""


def conv(
    in_channels: int, out_channels: int, kernel: int = 3, *, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """Return a convolution that keeps the size at stride 1, without bias, initialised for ReLUs (He 2015)."""
    layer = nn.Conv2d(
        in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
    )
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer


def conv_b(spec: GridSpec, in_channels: int, out_channels: int, *, stride: int = 1) -> nn.Conv2d:
    """Return a convolution with the kernel and groups that ``spec`` gives to its operators B."""
    groups = groups_of(spec.groups_b, in_channels, out_channels)
    return conv(in_channels, out_channels, spec.kernel_b, stride=stride, groups=groups)


class NormAct(nn.BatchNorm2d):
    """sigma(BN(x)): a batch norm with the activation that follows it; shape preserved (N C H W)."""

    def __init__(self, channels: int, activation: ActivationName) -> None:
        super().__init__(channels)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Return an N C H W tensor, without negative entries if the activation is ``relu``."""
        return ACTIVATIONS[self.activation](super().forward(x))


class GridNet(nn.Module):
    """What networks of levels share: the head, and the stem in front of all levels.

    A subclass computes ``features``; weights that levels share are stored by the first level that uses them.
    With ``is_reduced`` a family leaves out products of which it knows that they change nothing but rounding.
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
        """Return the stem's output, N C H' W'; images are N C H W."""
        output: Tensor = self.stem_pool(self.stem_norm(self.stem(images)))
        return output

    def features(self, images: Tensor) -> Tensor:
        """Return the last grid's features, N C H' W', non-negative if the activation is ``relu``."""
        raise AssertionError("a family computes its own features")

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits N K: global average pooling of the features, dropout, then a linear layer."""
        pooled = self.features(images).mean(dim=(2, 3))
        if self.spec.dropout:
            pooled = F.dropout(pooled, self.spec.dropout, self.training)
        logits: Tensor = self.head(pooled)
        return logits


def zeros_like_grid(f: Tensor, channels: int) -> Tensor:
    """Return u = 0 of so many channels on the grid of ``f``, N c_u H W, in the same order in memory.

    In another order, everything that is added to it would be brought into that one, and back.
    """
    is_last = f.is_contiguous(memory_format=torch.channels_last)
    order = torch.channels_last if is_last else torch.contiguous_format
    shape = (f.shape[0], channels, *f.shape[2:])
    return torch.empty(shape, dtype=f.dtype, device=f.device, memory_format=order).zero_()
