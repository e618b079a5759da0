"""Hyperparameters of the Gaussian process: their prior and their maximum a posteriori estimate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from search.frontier.config import DEFAULTS
from search.frontier.models.kernels import Standardised, matern, matern_derivative, squared_distances

Array = NDArray[np.float64]

JITTER = 1e-8
"""Added to the diagonal, so that the Cholesky factorisation succeeds."""


@dataclass(frozen=True)
class Hyperparameters:
    """Variances and length scales, in units of standardised observations.

    ``lengths`` has one length scale for each hyperparameter of a network.
    """

    curve_variance: float
    curve_length: float
    x_variance: float
    lengths: Array
    noise_variance: float

    @classmethod
    def from_logs(cls, logs: Array) -> Hyperparameters:
        """Return the hyperparameters with these logarithms."""
        values = np.exp(logs)
        return cls(float(values[0]), float(values[1]), float(values[2]), values[4:], float(values[3]))


def prior_of_logs(num_groups: int, *, has_covariate: bool) -> tuple[Array, Array]:
    """Return means and standard deviations of the normal priors of the logarithms.

    Length scales grow with the square root of the dimension, so that distances stay comparable
    (Hvarfner, Hellsten, Nardi 2024).
    """
    length = math.log(0.8) + 0.5 * math.log(max(1, num_groups))
    x_variance = DEFAULTS.prior_x_variance_with_covariate if has_covariate else DEFAULTS.prior_x_variance
    means = [math.log(0.3), math.log(1.0), math.log(x_variance), math.log(0.1), *([length] * num_groups)]
    deviations = [1.0, 0.7, 1.0, 1.2, *([0.4] * num_groups)]
    return np.array(means), np.array(deviations)


def fit_hyperparameters(
    inputs: Standardised,
    targets: Array,
    extra: Array,
    groups: NDArray[np.intp],
    prior: tuple[Array, Array],
    fit_steps: int,
) -> Hyperparameters:
    """Return the maximum a posteriori hyperparameters, starting at the prior's mean.

    Args:
        inputs: The points, n.
        targets: Standardised observations, n.
        extra: Variances of the observations besides the noise, n.
        groups: The parameter of each column of ``inputs.x``, d.
        prior: Means and deviations from ``prior_of_logs``.
        fit_steps: Iterations of L-BFGS-B.
    """
    means, deviations = prior
    if len(targets) < 3:
        return Hyperparameters.from_logs(means)
    loss = _NegativeLogPosterior(inputs, targets, extra, groups, prior)
    bounds = [(mean - 4 * width, mean + 4 * width) for mean, width in zip(means, deviations, strict=True)]
    found = minimize(loss, means, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": fit_steps})
    return Hyperparameters.from_logs(found.x)


class _NegativeLogPosterior:
    """The negative log posterior of the logarithms, and its gradient."""

    def __init__(
        self,
        inputs: Standardised,
        targets: Array,
        extra: Array,
        groups: NDArray[np.intp],
        prior: tuple[Array, Array],
    ) -> None:
        self._means, self._deviations = prior
        self._num_groups = len(Hyperparameters.from_logs(self._means).lengths)
        columns = [inputs.x[:, groups == group] for group in range(self._num_groups)]
        by_group = [squared_distances(each, each) for each in columns]
        self._by_group = np.stack(by_group or [np.zeros((len(targets), len(targets)))])
        self._flat = self._by_group.reshape(len(self._by_group), -1)
        self._over_costs = squared_distances(inputs.costs, inputs.costs)
        self._linear = inputs.linear(inputs)
        self._targets, self._extra = targets - inputs.prior_mean(), extra + inputs.noise
        self._has_costs = bool(inputs.costs.shape[1])

    def __call__(self, logs: Array) -> tuple[float, Array]:
        h = Hyperparameters.from_logs(logs)
        squared = (
            (h.lengths**-2 @ self._flat).reshape(self._linear.shape)
            if self._num_groups
            else self._by_group[0]
        )
        over_x = h.x_variance * matern(squared)
        at_costs = self._over_costs / h.curve_length**2
        curve = h.curve_variance * matern(at_costs) if self._has_costs else np.zeros_like(over_x)
        kernel = over_x + curve + self._linear
        kernel[np.diag_indices_from(kernel)] += h.noise_variance + self._extra + JITTER
        try:
            factor, _ = cho_factor(kernel, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(logs)
        inverted = inverse(factor)
        weights = inverted @ self._targets
        off = (logs - self._means) / self._deviations
        value = 0.5 * self._targets @ weights + np.log(np.diag(factor)).sum() + 0.5 * off @ off
        pull = 0.5 * (inverted - np.outer(weights, weights))
        gradient = off / self._deviations
        if self._has_costs:
            gradient[0] += np.vdot(pull, curve)
            slope = h.curve_variance * matern_derivative(at_costs)
            gradient[1] += np.vdot(pull, -2.0 * slope * at_costs)
        gradient[2] += np.vdot(pull, over_x)
        gradient[3] += h.noise_variance * np.trace(pull)
        pulled = -2.0 * h.x_variance * pull * matern_derivative(squared)
        if self._num_groups:
            gradient[4:] += self._flat @ pulled.ravel() * h.lengths**-2
        return float(value), gradient


def inverse(factor: Array) -> Array:
    """Return the inverse of a matrix from its lower Cholesky factor, at half the cost of solving."""
    lower, _ = dpotri(factor, lower=1)
    lower = np.tril(lower)
    return np.asarray(lower + np.tril(lower, -1).T)
