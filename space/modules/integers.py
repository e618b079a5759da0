"""A quantised network in torch: the logits of ``space.firmware.integer_run`` to the bit, in less time and on GPUs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from space.firmware.integer_run import MOST_BYTES
from space.firmware.quantise import (
    LARGEST,
    SIGNED_MAX,
    UNSIGNED_MAX,
    WINDOW_SCALE,
    IntegerNetwork,
    IntegerStep,
)

EXACT_IN_FLOAT32 = 2**24
"""Sums of integers below this bound are exact in float32, in any order."""


class IntegerModule:
    """The integers of a network on a device.

    Convolutions are products of matrices. They are exact: their sums are below 2^24 in float32, or below 2^53 in
    float64. All other sums are of 64-bit integers.

    Args:
        network: The quantised network.
        device: The device.
    """

    def __init__(self, network: IntegerNetwork, device: torch.device | str = "cpu") -> None:
        self._image = network.program.image.name
        self._steps = [_Step(one, torch.device(device)) for one in network.steps]
        most = max(step.patch_bytes * step.out.size[0] * step.out.size[1] for step in network.program.steps)
        self.batch_size = max(1, MOST_BYTES // (2 * most))

    @torch.inference_mode()
    def logits(self, images: Tensor) -> Tensor:
        """Return the logits N K, int64, in units of 1 / 256.

        Args:
            images: uint8 N H W C.
        """
        parts = [self._logits(part) for part in images.split(self.batch_size)]
        return torch.cat(parts) if parts else torch.zeros(0, 0, dtype=torch.int64)

    def _logits(self, images: Tensor) -> Tensor:
        values = {self._image: images.permute(0, 3, 1, 2).contiguous()}
        for step in self._steps:
            values[step.name] = step(values)
        return values[self._steps[-1].name].flatten(1)


class _Convolution(NamedTuple):
    """A convolution as a product of matrices.

    Attributes:
        weights: G O/G I/G*kernel*kernel; float32 if all sums are exact in it, else float64.
        kernel: The side of the kernel.
        stride: The stride.
        padding: The values 1 C 1 1 outside the image; None for zeros.
    """

    weights: Tensor
    kernel: int
    stride: int
    padding: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        """Return the sums, int64 N O H' W', for x N C H W."""
        outside = None if self.padding is None else self.padding.to(x.dtype)
        pad = self.kernel // 2
        height, width = ((side - 1) // self.stride + 1 for side in x.shape[2:])
        if self.kernel > 1:
            padded = F.pad(x, (pad,) * 4)
            if outside is not None:
                padded[:] = outside
                padded[:, :, pad : pad + x.shape[2], pad : pad + x.shape[3]] = x
            columns = F.unfold(padded.to(self.weights.dtype), self.kernel, stride=self.stride)
        else:
            columns = x[:, :, :: self.stride, :: self.stride].to(self.weights.dtype)
        groups = len(self.weights)
        found = self.weights @ columns.reshape(len(x), groups, self.weights.shape[2], height * width)
        return found.reshape(len(x), -1, height, width).long()


class _Step:
    """One step of a network on a device."""

    def __init__(self, one: IntegerStep, device: torch.device) -> None:
        self._one = one
        self.name = one.step.out.name
        self._a, self._e = _column(one.multipliers, device), _column(one.factors, device)
        b = _column(one.biases, device)
        self._b = None if b is None else b * 2**one.bias_shift
        self._convolution = None if one.weights is None else _convolution(one, device)
        self._limits = (-SIGNED_MAX, SIGNED_MAX) if one.step.out.is_signed else (0, UNSIGNED_MAX)
        self._dtype = torch.int16
        if one.step.kind == "head":
            self._limits, self._dtype = (-LARGEST, LARGEST), torch.int64

    def __call__(self, values: dict[str, Tensor]) -> Tensor:
        """Return the output N C H W from the tensors so far."""
        one, step = self._one, self._one.step
        total: Tensor
        if step.source is None:
            total = torch.zeros((), dtype=torch.int64, device=next(iter(values.values())).device)
        else:
            total = self._op(values[step.source.name])
            if one.keeps_scale:
                return total.to(self._dtype)
            assert self._a is not None
            total = total * self._a
        if self._e is not None:
            assert step.y is not None
            total = total + self._e * values[step.y.name]
        if self._b is not None:
            total = total + self._b
        if step.is_relu:
            total = total.clamp(max=0) if one.is_negative else total.clamp(min=0)
        for added, m in zip(step.adds, one.added, strict=True):
            total = total + values[added.tensor.name].long() * m
        rounded: Tensor = (total + 2 ** (one.shift - 1)) >> one.shift
        return rounded.clamp(*self._limits).to(self._dtype)

    def _op(self, x: Tensor) -> Tensor:
        """Return the integer result of the step's op, int64 N C H W."""
        if self._convolution is not None:
            return self._convolution(x)
        if self._one.step.kind == "mean":
            return x.sum(dim=(2, 3), keepdim=True, dtype=torch.int64)
        if self._one.step.kind == "max":
            return F.max_pool2d(x.float(), 3, stride=2, padding=1).long()
        sums = 9 * F.avg_pool2d(x.double(), 3, stride=2, padding=1)
        counts = 9 * F.avg_pool2d(torch.ones_like(x[:1, :1], dtype=torch.float64), 3, stride=2, padding=1)
        scaled: Tensor = sums.round().long() * (WINDOW_SCALE // counts.round().long())
        if self._a is None:
            scaled = (scaled + WINDOW_SCALE // 2) // WINDOW_SCALE
        return scaled


def _column(table: object, device: torch.device) -> Tensor | None:
    """Return a table as int64 1 C 1 1; None for none."""
    return None if table is None else torch.as_tensor(table, device=device).reshape(1, -1, 1, 1)


def _convolution(one: IntegerStep, device: torch.device) -> _Convolution:
    operator = one.step.operator
    assert operator is not None
    assert one.weights is not None
    stored = torch.from_numpy(one.weights).permute(0, 3, 1, 2)
    weights = stored.reshape(operator.groups, operator.out_channels // operator.groups, operator.num_inputs)
    most = int(weights.abs().long().sum(dim=2).max()) * UNSIGNED_MAX
    dtype = torch.float32 if most < EXACT_IN_FLOAT32 else torch.float64
    return _Convolution(
        weights.to(device, dtype), operator.kernel, one.step.stride, _column(one.padding, device)
    )
