"""Run as a program: compares convolutions in channels-last order with float64, forward and backward.

A kernel that writes where it may not shows itself late, as a crash or a hang: so it is a process of its own.
"""

from __future__ import annotations

import itertools

import torch
from torch.nn import functional as F

from space.modules.blocks import conv
from space.modules.thin_projections import with_thin_projections

CHANNELS = (1, 3, 4, 6, 8, 12, 15, 16, 24)
OUT_CHANNELS = (1, 4, 8, 24)
SIZES = ((16, 16), (7, 5), (1, 1))


def compare(kernel: int, stride: int, in_channels: int, out_channels: int, size: tuple[int, int]) -> None:
    layer = conv(in_channels, out_channels, kernel, stride=stride)
    assert with_thin_projections(layer) is layer
    images = torch.randn(20, in_channels, *size)
    exact_images = images.double().requires_grad_()
    exact_weight = layer.weight.detach().double().requires_grad_()
    expected = F.conv2d(exact_images, exact_weight, stride=stride, padding=kernel // 2)
    gradient = torch.randn(expected.shape)
    expected.backward(gradient.double())  # type: ignore[no-untyped-call]
    layer = layer.to(memory_format=torch.channels_last)
    images = images.contiguous(memory_format=torch.channels_last).requires_grad_()
    output = layer(images)
    output.backward(gradient.contiguous(memory_format=torch.channels_last))
    for found, exact in (
        (output, expected),
        (images.grad, exact_images.grad),
        (layer.weight.grad, exact_weight.grad),
    ):
        scale = exact.abs().max()
        torch.testing.assert_close(found.double() / scale, exact / scale, rtol=0, atol=1e-5)


def main() -> None:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for shape in itertools.product((1, 3, 5), (1, 2), CHANNELS, OUT_CHANNELS, SIZES):
        neighbours = [torch.zeros(length) for length in range(1, 40)]  # small blocks of memory to run into
        compare(*shape)
        del neighbours


if __name__ == "__main__":
    main()
