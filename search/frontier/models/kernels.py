"""Covariance functions of the Gaussian process: a linear kernel and the Matern kernel of smoothness 5/2."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.frontier.config import DEFAULTS

Array = NDArray[np.float64]

BLOCK = 2**14
"""Numbers evaluated at once: they stay in the cache."""


class Standardised(NamedTuple):
    """Points with standardised costs and covariate.

    Attributes:
        x: Encoded hyperparameters in [0, 1], n x d.
        costs: Costs with mean 0 and deviation 1, n x c.
        covariate: Covariate with mean 0 and deviation 1, n; zeros if there is none.
        noise: Variance of an observation due to the uncertainty of the covariate, n.
    """

    x: Array
    costs: Array
    covariate: Array
    noise: Array

    def linear(self, other: Standardised) -> Array:
        """Return the linear kernel ``w^2 (1 + c.c') + v^2 s s'``, n x m."""
        kernel = self.costs @ (DEFAULTS.linear_scale**2 * other.costs.T)
        over_covariate = DEFAULTS.covariate_slope_scale**2 * np.outer(self.covariate, other.covariate)
        kernel += DEFAULTS.linear_scale**2 + over_covariate
        return np.asarray(kernel)

    def linear_variance(self) -> Array:
        """Return the diagonal of ``linear(self)``, n."""
        over_costs = 1.0 + np.einsum("ij,ij->i", self.costs, self.costs)
        over_covariate = DEFAULTS.covariate_slope_scale**2 * self.covariate**2
        return np.asarray(DEFAULTS.linear_scale**2 * over_costs + over_covariate)

    def prior_mean(self) -> Array:
        """Return the prior mean ``m(x) = a s(x)``, n."""
        return DEFAULTS.covariate_slope * self.covariate


def matern(squared: Array) -> Array:
    """Return the Matern 5/2 kernel at squared distances; 1 at distance 0."""
    distances, covariance = squared.reshape(-1), np.empty(squared.size)
    for first in range(0, len(distances), BLOCK):
        scaled = np.sqrt(5.0 * distances[first : first + BLOCK])
        block = covariance[first : first + BLOCK]
        np.multiply(scaled, 1.0 / 3.0, out=block)
        block += 1.0
        block *= scaled
        block += 1.0
        np.negative(scaled, out=scaled)
        block *= np.exp(scaled, out=scaled)
    return covariance.reshape(squared.shape)


def matern_derivative(squared: Array) -> Array:
    """Return the derivative of ``matern`` with respect to the squared distance."""
    scaled = np.sqrt(5.0 * squared)
    return np.asarray(-5.0 / 6.0 * (1.0 + scaled) * np.exp(-scaled))


def squared_distances(left: Array, right: Array) -> Array:
    """Return the squared distances of rows, n x m for n x d and m x d."""
    squared = left @ (-2.0 * right.T)
    squared += (left**2).sum(axis=1)[:, None]
    squared += (right**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squared, 0.0, out=squared))
