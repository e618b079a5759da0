"""Strided 1x1 convolutions with few channels, computed without oneDNN's strided kernel.

oneDNN's weight gradient of such convolutions writes beyond its memory in channels-last order if a group has
fewer channels than oneDNN's block (uxlfoundation/oneDNN#6035). Trainings on CPUs crashed, hung or continued
with wrong numbers; see docs/experiments/onednn-strided-1x1.md.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

ONEDNN_BLOCK = 16
"""Channels of a block in oneDNN's widest kernels (AVX-512; 8 with AVX2)."""


class ThinProjection(nn.Conv2d):
    """A strided 1x1 convolution that selects its input pixels first."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the output of ``nn.Conv2d``, N C_out H' W'."""
        down, across = self.stride
        return F.conv2d(x[:, :, ::down, ::across], self.weight, self.bias, groups=self.groups)


def with_thin_projections(network: nn.Module) -> nn.Module:
    """Replace the affected convolutions of ``network`` by ``ThinProjection`` in place, and return it."""
    for module in network.modules():
        if type(module) is nn.Conv2d and _is_thin(module):
            module.__class__ = ThinProjection
    return network


def _is_thin(layer: nn.Conv2d) -> bool:
    is_strided = layer.kernel_size == (1, 1) and layer.stride != (1, 1)
    is_padded = layer.padding not in ((0, 0), "valid")
    return is_strided and not is_padded and layer.in_channels // layer.groups < ONEDNN_BLOCK
