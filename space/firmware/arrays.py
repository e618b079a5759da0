"""The operations of programs on arrays N H W C: convolution, pooling; exact for integers below 2^53 in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def convolve(x: Array, weights: Array, stride: int = 1, padding: Array | None = None) -> Array:
    """Return a convolution that keeps the size at stride 1.

    Args:
        x: N H W C.
        weights: O kernel kernel C/groups.
        stride: The stride.
        padding: The values C outside the image; None for zeros.

    Returns:
        N H/stride W/stride O, rounded up.
    """
    outputs, kernel, _, inputs = weights.shape
    groups = x.shape[3] // inputs
    taps = np.stack(list(_taps(x, kernel, stride, padding)), axis=3)
    n, height, width, num_taps, _ = taps.shape
    columns = (
        taps.reshape(-1, num_taps, groups, inputs)
        .transpose(2, 0, 1, 3)
        .reshape(groups, -1, num_taps * inputs)
    )
    rows = weights.reshape(groups, outputs // groups, num_taps * inputs)
    products = columns @ rows.transpose(0, 2, 1).astype(x.dtype)
    found: Array = products.transpose(1, 0, 2).reshape(n, height, width, outputs)
    return found


def window_sums(x: Array) -> tuple[Array, Array]:
    """Return the sums over 3x3 windows with stride 2, and the number of pixels in each window, 1 H' W' 1."""
    ones = np.ones((1, *x.shape[1:3], 1), x.dtype)
    return np.add.reduce(list(_taps(x, 3, 2, None))), np.add.reduce(list(_taps(ones, 3, 2, None)))


def window_maxima(x: Array) -> Array:
    """Return the maxima over 3x3 windows with stride 2."""
    outside = np.full(x.shape[3], x.min(initial=0), x.dtype)
    found: Array = np.maximum.reduce(list(_taps(x, 3, 2, outside)))
    return found


def _taps(x: Array, kernel: int, stride: int, padding: Array | None) -> Any:
    """Yield for each place of the kernel the values under it, N H' W' C."""
    n, height, width, channels = x.shape
    pad = kernel // 2
    padded = np.empty((n, height + 2 * pad, width + 2 * pad, channels), x.dtype)
    padded[:] = 0 if padding is None else padding
    padded[:, pad : pad + height, pad : pad + width] = x
    down, across = (height + stride - 1) // stride, (width + stride - 1) // stride
    for i in range(kernel):
        for j in range(kernel):
            yield padded[
                :, i : i + stride * (down - 1) + 1 : stride, j : j + stride * (across - 1) + 1 : stride
            ]
