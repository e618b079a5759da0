"""A program in real numbers: the ranges of its tensors on calibration images, and its logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from space.firmware.arrays import Array, convolve, window_maxima, window_sums
from space.firmware.coefficients import Coefficients

MOST_BYTES = 2**26
"""Bytes of the largest im2col of a batch."""


def batches(steps: Sequence[Coefficients], images: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield the images in batches that need little memory."""
    largest = max(
        one.step.operator.num_inputs * one.step.operator.groups * np.prod(one.step.out.size)
        for one in steps
        if one.step.operator is not None
    )
    size = max(1, int(MOST_BYTES // (8 * largest)))
    for begin in range(0, len(images), size):
        yield images[begin : begin + size]


def ranges(steps: Sequence[Coefficients], images: NDArray[np.uint8]) -> dict[str, float]:
    """Return the largest absolute value of each tensor on images N H W C, uint8."""
    found: dict[str, float] = {}
    for batch in batches(steps, images):
        for name, values in _run(steps, batch):
            found[name] = max(found.get(name, 0.0), float(np.abs(values).max()))
    return found


def float_logits(steps: Sequence[Coefficients], images: NDArray[np.uint8]) -> Array:
    """Return logits N K of images N H W C, uint8."""
    found = []
    for batch in batches(steps, images):
        values = dict(_run(steps, batch))
        found.append(values[steps[-1].step.out.name][:, 0, 0])
    return np.concatenate(found)


def _run(steps: Sequence[Coefficients], images: NDArray[np.uint8]) -> Iterator[tuple[str, Array]]:
    source = steps[0].step.source
    assert source is not None
    values: dict[str, Array] = {source.name: images.astype(np.float64)}
    for one in steps:
        name = one.step.out.name
        values[name] = _step(one, values)
        yield name, values[name]


def _step(one: Coefficients, values: dict[str, Array]) -> Array:
    step = one.step
    total: Array = one.biases
    if step.source is not None:
        total = total + one.multipliers * _op(one, values[step.source.name])
    if step.y is not None:
        total = total + one.factors * values[step.y.name]
    if step.is_relu:
        total = np.minimum(total, 0) if one.is_negative else np.maximum(total, 0)
    for added, factor in zip(step.adds, one.added, strict=True):
        total = total + factor * values[added.tensor.name]
    clamped: Array = total if step.out.is_signed else np.maximum(total, 0)
    return clamped


def _op(one: Coefficients, x: Array) -> Array:
    kind = one.step.kind
    if one.weights is not None:
        return convolve(x, one.weights, one.step.stride, one.padding)
    if kind == "mean":
        mean: Array = x.mean(axis=(1, 2), keepdims=True)
        return mean
    if kind == "max":
        return window_maxima(x)
    assert kind == "average"
    sums, counts = window_sums(x)
    average: Array = sums / counts
    return average
