"""Strided 1x1 convolutions of few channels, computed so that oneDNN does not write beyond its memory.

Its kernel for the gradient of such weights does, in channels-last order, where a group has fewer channels
than its block (uxlfoundation/oneDNN#6035): trainings on CPUs crashed, hung, or went on with wrong numbers.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

ONEDNN_BLOCK = 16
"""Channels in a block of the widest of oneDNN's kernels (AVX-512; 8 with AVX2)."""


class ThinProjection(nn.Conv2d):
    """A convolution 1x1 with a stride that first takes out the pixels that count."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what ``nn.Conv2d`` does, N C_out H' W'."""
        down, across = self.stride
        return F.conv2d(x[:, :, ::down, ::across], self.weight, self.bias, groups=self.groups)


def with_thin_projections(network: nn.Module) -> nn.Module:
    """Return the network itself, the convolutions that oneDNN may not compute made ``ThinProjection``."""
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_thin(module):
            module.__class__ = ThinProjection
    return network


def _is_thin(layer: nn.Conv2d) -> bool:
    is_strided = layer.kernel_size == (1, 1) and layer.stride != (1, 1)
    is_padded = layer.padding not in ((0, 0), "valid")
    return is_strided and not is_padded and layer.in_channels // layer.groups < ONEDNN_BLOCK
