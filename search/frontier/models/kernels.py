"""Covariances of a Gaussian process over networks: of its line, and the Matern kernel of its smooth parts."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

IN_CACHE = 2**14
"""Numbers that are worked on at once."""
LINE_WIDTH = 2.0
"""Prior deviation of the line's height and of its slope over costs, in deviations of the observations."""
SIGNAL_SLOPE, SIGNAL_WIDTH = 0.7, 0.3
"""Prior mean and deviation of the line's slope over a signal, where both have a deviation of 1."""


class Standardised(NamedTuple):
    """Points with costs and signal of mean 0 and deviation 1; the signal is 0 where there is none.

    ``noise`` (n) is the variance that values have besides, since the signal is a guess.
    """

    knobs: Array
    costs: Array
    signal: Array
    noise: Array

    def line(self, other: Standardised) -> Array:
        """Return the covariance of the prior's line between these points and the others."""
        line = self.costs @ (LINE_WIDTH**2 * other.costs.T)
        line += LINE_WIDTH**2 + SIGNAL_WIDTH**2 * np.outer(self.signal, other.signal)
        return np.asarray(line)

    def line_variance(self) -> Array:
        """Return the variance of the prior's line at each point."""
        over_costs = 1.0 + np.einsum("ij,ij->i", self.costs, self.costs)
        return np.asarray(LINE_WIDTH**2 * over_costs + SIGNAL_WIDTH**2 * self.signal**2)

    def line_mean(self) -> Array:
        """Return the mean of the prior's line at each point."""
        return SIGNAL_SLOPE * self.signal


def matern(squared: Array) -> Array:
    """Return the Matern covariance of smoothness 5/2 at squared distances, 1 at distance 0."""
    distances, covariance = squared.reshape(-1), np.empty(squared.size)
    for first in range(0, len(distances), IN_CACHE):  # arrays that leave the cache take six times as long
        scaled = np.sqrt(5.0 * distances[first : first + IN_CACHE])
        block = covariance[first : first + IN_CACHE]
        np.multiply(scaled, 1.0 / 3.0, out=block)
        block += 1.0
        block *= scaled
        block += 1.0
        np.negative(scaled, out=scaled)
        block *= np.exp(scaled, out=scaled)
    return covariance.reshape(squared.shape)


def matern_slope(squared: Array) -> Array:
    """Return the derivative of ``matern`` by the squared distance."""
    scaled = np.sqrt(5.0 * squared)
    return np.asarray(-5.0 / 6.0 * (1.0 + scaled) * np.exp(-scaled))


def squared_distances(left: Array, right: Array) -> Array:
    """Return the squared distance of every row of ``left`` from every row of ``right``."""
    squared = left @ (-2.0 * right.T)
    squared += (left**2).sum(axis=1)[:, None]
    squared += (right**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squared, 0.0, out=squared))
