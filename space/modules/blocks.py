"""Pieces that the families share: convolutions without bias, and a batch norm with its ReLU."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """Return a 3x3 convolution with padding 1, no bias, and He et al.'s initialisation for ReLUs."""
    conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv


class NormReLU(nn.BatchNorm2d):
    """sigma(BN(x)): a batch norm with the ReLU that follows it everywhere in the family; shape preserved."""

    def forward(self, x: Tensor) -> Tensor:
        """Return an N C H W tensor without negative entries."""
        return F.relu(super().forward(x))
