"""The reference of the C code: a quantised network in numpy, equal to the bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from space.firmware.arrays import Array, convolve, window_maxima, window_sums
from space.firmware.quantise import LARGEST, WINDOW_SCALE, IntegerNetwork, IntegerStep

MOST_BYTES = 2**26
"""Bytes of the largest intermediate array of a batch."""


def integer_logits(network: IntegerNetwork, images: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the logits N K of images N H W C, in units of 1 / 256.

    Args:
        network: The quantised network.
        images: uint8.
    """
    largest = max(step.patch_bytes * step.out.size[0] * step.out.size[1] for step in network.program.steps)
    size = max(1, MOST_BYTES // (4 * largest))
    found = [_logits(network, images[i : i + size]) for i in range(0, len(images), size)]
    return np.concatenate(found) if found else np.zeros((0, network.steps[-1].step.out.channels), np.int32)


def _logits(network: IntegerNetwork, images: NDArray[np.uint8]) -> NDArray[np.int32]:
    values: dict[str, Array] = {network.program.image.name: images.astype(np.int64)}
    for one in network.steps:
        values[one.step.out.name] = _step(one, values)
    logits = values[network.steps[-1].step.out.name][:, 0, 0]
    return logits.astype(np.int32)


def _step(one: IntegerStep, values: dict[str, Array]) -> Array:
    """Return the output of one step as int64 N H W C."""
    step = one.step
    total: Array = np.zeros((), np.int64)
    if step.source is not None:
        total = _op(one, values[step.source.name])
        if one.keeps_scale:
            return total
        assert one.multipliers is not None
        total = one.multipliers * total
    if one.factors is not None:
        assert step.y is not None
        total = total + one.factors * values[step.y.name]
    if one.biases is not None:
        total = total + one.biases * 2**one.bias_shift
    if step.is_relu:
        total = np.minimum(total, 0) if one.is_negative else np.maximum(total, 0)
    for added, m in zip(step.adds, one.added, strict=True):
        total = total + m * values[added.tensor.name]
    rounded = (total + 2 ** (one.shift - 1)) >> one.shift
    low, high = (-127, 127) if step.out.is_signed else (0, 255)
    if step.kind == "head":
        low, high = -LARGEST, LARGEST
    clamped: Array = np.clip(rounded, low, high)
    return clamped


def _op(one: IntegerStep, x: Array) -> Array:
    """Return the integer result of the step's op."""
    kind = one.step.kind
    if one.weights is not None:
        padding = None if one.padding is None else one.padding.astype(np.float64)
        products = convolve(x.astype(np.float64), one.weights.astype(np.float64), one.step.stride, padding)
        exact: Array = products.astype(np.int64)  # the sums are below 2^31
        return exact
    if kind == "mean":
        total: Array = x.sum(axis=(1, 2), keepdims=True)
        return total
    if kind == "max":
        return window_maxima(x)
    assert kind == "average"
    sums, counts = window_sums(x)
    scaled: Array = sums * (WINDOW_SCALE // counts)
    return scaled if one.multipliers is not None else (scaled + WINDOW_SCALE // 2) // WINDOW_SCALE
