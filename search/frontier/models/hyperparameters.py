"""The numbers of a Gaussian process's prior over networks, and how they are found from observations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

from search.frontier.models.kernels import Standardised, matern, matern_slope, squared_distances

Array = NDArray[np.float64]

JITTER = 1e-8
"""Added to the variance of every observation, so that a covariance can be factored."""
KNOBS_VARIANCE, BESIDE_SIGNAL = 0.5, 0.05
"""Prior middle of what the knobs explain, and of what is left of it where there is a signal."""


@dataclass(frozen=True)
class Hyperparameters:
    """Of the prior, in units of standardised observations: variances, lengths, and that of the noise.

    ``lengths`` has one for each group of columns of the knobs: those of one knob.
    """

    curve_variance: float
    curve_length: float
    knobs_variance: float
    lengths: Array
    noise_variance: float

    @classmethod
    def from_logs(cls, logs: Array) -> Hyperparameters:
        """Return those with these logarithms."""
        values = np.exp(logs)
        return cls(float(values[0]), float(values[1]), float(values[2]), values[4:], float(values[3]))


def prior_of_logs(
    num_groups: int, *, has_signal: bool, most_noise: float | None = None
) -> tuple[Array, Array]:
    """Return means and deviations of the normal priors of the logarithms of the hyperparameters.

    In many dimensions lengths grow with the root of their number, so that distances stay comparable
    (Hvarfner, Hellsten, Nardi 2024). Where there is a ``most_noise``, its variance is hardly more.
    """
    length = math.log(0.8) + 0.5 * math.log(max(1, num_groups))
    knobs_variance = BESIDE_SIGNAL if has_signal else KNOBS_VARIANCE
    means = [math.log(0.3), math.log(1.0), math.log(knobs_variance), math.log(0.1), *([length] * num_groups)]
    deviations = [1.0, 0.7, 1.0, 1.2, *([0.4] * num_groups)]
    if most_noise is not None:
        means[3], deviations[3] = min(means[3], math.log(most_noise) - 0.5), 0.3
    return np.array(means), np.array(deviations)


def fit_hyperparameters(
    inputs: Standardised,
    targets: Array,
    extra: Array,
    groups: NDArray[np.intp],
    prior: tuple[Array, Array],
    fit_steps: int,
) -> Hyperparameters:
    """Return the hyperparameters of highest posterior density, found from the prior's middle."""
    means, deviations = prior
    num_groups = len(Hyperparameters.from_logs(means).lengths)
    if len(targets) < 3:
        return Hyperparameters.from_logs(means)
    by_group = np.stack(
        [
            squared_distances(inputs.knobs[:, groups == group], inputs.knobs[:, groups == group])
            for group in range(num_groups)
        ]
        or [np.zeros((len(targets), len(targets)))]
    )
    flat = by_group.reshape(len(by_group), -1)
    over_costs = squared_distances(inputs.costs, inputs.costs)
    line = inputs.line(inputs)
    targets, extra = targets - inputs.line_mean(), extra + inputs.noise
    has_costs = bool(inputs.costs.shape[1])

    def loss(logs: Array) -> tuple[float, Array]:
        h = Hyperparameters.from_logs(logs)
        squared = (h.lengths**-2 @ flat).reshape(line.shape) if num_groups else by_group[0]
        knobs = h.knobs_variance * matern(squared)
        at_costs = over_costs / h.curve_length**2
        curve = h.curve_variance * matern(at_costs) if has_costs else np.zeros_like(knobs)
        kernel = knobs + curve + line
        kernel[np.diag_indices_from(kernel)] += h.noise_variance + extra + JITTER
        try:
            factor, _ = cho_factor(kernel, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return 1e10, np.zeros_like(logs)
        inverted = inverse(factor)
        weights = inverted @ targets
        off = (logs - means) / deviations
        value = 0.5 * targets @ weights + np.log(np.diag(factor)).sum() + 0.5 * off @ off
        pull = 0.5 * (inverted - np.outer(weights, weights))
        gradient = off / deviations
        if has_costs:
            gradient[0] += np.vdot(pull, curve)
            slope = h.curve_variance * matern_slope(at_costs)
            gradient[1] += np.vdot(pull, -2.0 * slope * at_costs)
        gradient[2] += np.vdot(pull, knobs)
        gradient[3] += h.noise_variance * np.trace(pull)
        pulled = -2.0 * h.knobs_variance * pull * matern_slope(squared)
        if num_groups:
            gradient[4:] += flat @ pulled.ravel() * h.lengths**-2
        return float(value), gradient

    bounds = [(mean - 4 * width, mean + 4 * width) for mean, width in zip(means, deviations, strict=True)]
    found = minimize(loss, means, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": fit_steps})
    return Hyperparameters.from_logs(found.x)


def inverse(factor: Array) -> Array:
    """Return the inverse of a matrix from its lower Cholesky factor, at half the cost of solving for it."""
    lower, _ = dpotri(factor, lower=1)
    lower = np.tril(lower)
    return np.asarray(lower + np.tril(lower, -1).T)
