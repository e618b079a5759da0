"""A Gaussian process over networks.

``m(x) = a s(x)`` and ``k = k_lin(c, c') + k_lin(s, s') + k_M52(c, c') + k_M52(x, x'; l)`` with encoded hyperparameters
``x``, costs ``c`` (logarithms of parameters and the like) and covariate ``s``. The size of a network explains what it
can with few observations; the hyperparameters explain the rest. Each observation has its own noise variance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from search.frontier.config import DEFAULTS
from search.frontier.models.hyperparameters import JITTER, fit_hyperparameters, inverse, prior_of_logs
from search.frontier.models.kernels import Standardised, matern, squared_distances

Array = NDArray[np.float64]

EQUAL = 1e-13
"""Relative deviation up to which values are equal but for rounding."""


class Covariate(NamedTuple):
    """A predicted number of each point (n, any scale) that rises with the values, with variances (n)."""

    means: Array
    variances: Array


@dataclass(frozen=True)
class Inputs:
    """Points to learn from or to predict.

    Attributes:
        x: Encoded hyperparameters in [0, 1], n x d.
        costs: Costs on any scale, n x c.
        covariate: A covariate that rises with the values, or None.
    """

    x: Array
    costs: Array
    covariate: Covariate | None = None

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> Inputs:
        covariate = None if self.covariate is None else Covariate(*(part[rows] for part in self.covariate))
        return Inputs(self.x[rows], self.costs[rows], covariate)

    def and_also(self, other: Inputs) -> Inputs:
        """Return these points, then the others; both have a covariate or neither has."""
        covariate = None
        if self.covariate is not None and other.covariate is not None:
            pairs = zip(self.covariate, other.covariate, strict=True)
            covariate = Covariate(*(np.concatenate(parts) for parts in pairs))
        return Inputs(np.vstack([self.x, other.x]), np.vstack([self.costs, other.costs]), covariate)


def spread_rows(count: int, most: int) -> NDArray[np.intp]:
    """Return all of ``count`` rows, or ``most`` rows spread evenly over them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


class GaussianProcess:
    """The posterior after observing values. Low values are good: high outliers are clipped."""

    def __init__(
        self,
        inputs: Inputs,
        values: Array,
        extra_variance: Array,
        groups: NDArray[np.intp],
        *,
        max_fitted: int = DEFAULTS.gp_max_fitted,
        fit_steps: int = DEFAULTS.gp_fit_steps,
    ) -> None:
        """Fit the hyperparameters and condition on all observations. The same arguments give the same process.

        Args:
            inputs: The points, n.
            values: The observations, n.
            extra_variance: Variance of each observation besides the noise, in the square of the values' unit, n.
            groups: The parameter of each column of ``inputs.x``, from 0, d.
            max_fitted: Observations that the hyperparameters are fitted to.
            fit_steps: Iterations of the fit.
        """
        self._groups = groups
        values = without_outliers(values)
        self._mean = float(values.mean())
        spread = float(values.std())
        are_equal = spread <= EQUAL * abs(self._mean)
        self._scale = DEFAULTS.gp_min_scale * (1.0 + abs(self._mean)) if are_equal else spread
        self._cost_mean = inputs.costs.mean(axis=0)
        self._cost_scale = inputs.costs.std(axis=0) + 1e-12
        self._covariate_mean, self._covariate_scale = 0.0, 1.0
        if inputs.covariate is not None:
            self._covariate_mean = float(inputs.covariate.means.mean())
            # a predicted covariate varies less than the covariate itself: add its variance
            total = inputs.covariate.means.var() + inputs.covariate.variances.mean()
            self._covariate_scale = math.sqrt(total) + 1e-12
        targets = (values - self._mean) / self._scale
        extra = extra_variance / self._scale**2
        chosen = spread_rows(len(inputs), max_fitted)
        points = self._standardised(inputs[chosen])
        num_groups = int(groups.max()) + 1 if len(groups) else 0
        prior = prior_of_logs(num_groups, has_covariate=inputs.covariate is not None)
        self.hyperparameters = fit_hyperparameters(
            points, targets[chosen], extra[chosen], groups, prior, fit_steps
        )
        self._inputs = inputs
        self._targets = targets
        self._extra = extra
        self._condition()

    def _condition(self) -> None:
        self._known = self._standardised(self._inputs)
        kernel = self._kernel(self._known, self._known)
        noise = self.hyperparameters.noise_variance + self._extra + self._known.noise
        kernel[np.diag_indices_from(kernel)] += noise + JITTER
        self._factor, _ = cho_factor(kernel, lower=True)
        self._factor = np.tril(self._factor)
        self._weights = cho_solve((self._factor, True), self._targets - self._known.prior_mean())

    @property
    def noise(self) -> float:
        """The standard deviation of the noise, in the unit of the values."""
        return math.sqrt(self.hyperparameters.noise_variance) * self._scale

    def left_out(self) -> tuple[Array, Array, Array, Array]:
        """Return the leave-one-out predictions, in standard deviations of the values (n each).

        These are the observations, their residuals, the predicted deviations and the extra variances.
        """
        diagonal = np.diag(inverse(self._factor))
        return self._targets, self._weights / diagonal, 1.0 / np.sqrt(diagonal), self._extra

    def left_out_log_likelihood(self) -> float:
        """Return the sum of the log densities of the observations, each predicted from all others."""
        _, residuals, deviations, _ = self.left_out()
        deviations = deviations * self._scale
        return float(-(0.5 * (residuals * self._scale / deviations) ** 2 + np.log(deviations)).sum())

    def mean(self, inputs: Inputs) -> Array:
        """Return the posterior mean, n, in the unit of the values."""
        points = self._standardised(inputs)
        mean = self._kernel(points, self._known) @ self._weights + points.prior_mean()
        return np.asarray(mean * self._scale + self._mean)

    def predict(self, inputs: Inputs) -> tuple[Array, Array]:
        """Return posterior mean and standard deviation without noise, n each, in the unit of the values."""
        points = self._standardised(inputs)
        cross = self._kernel(points, self._known)
        mean = cross @ self._weights + points.prior_mean()
        solved = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        variance = self._prior_variance(points) - np.einsum("ij,ij->j", solved, solved)
        return mean * self._scale + self._mean, np.sqrt(np.maximum(variance, 1e-10)) * self._scale

    def condition_on_mean(self, inputs: Inputs, extra_variance: float = 0.0) -> GaussianProcess:
        """Return the process conditioned on its own mean at pending ``inputs`` (a mean fantasy)."""
        if not len(inputs):
            return self
        mean = self.mean(inputs)
        extra = np.full(len(inputs), extra_variance / self._scale**2)
        other = object.__new__(GaussianProcess)
        other.__dict__.update(self.__dict__)
        other._inputs = self._inputs.and_also(inputs)
        other._targets = np.concatenate([self._targets, (mean - self._mean) / self._scale])
        other._extra = np.concatenate([self._extra, extra])
        other._condition()
        return other

    def _standardised(self, inputs: Inputs) -> Standardised:
        costs = (inputs.costs - self._cost_mean) / self._cost_scale
        if inputs.covariate is None:
            return Standardised(inputs.x, costs, np.zeros(len(inputs)), np.zeros(len(inputs)))
        covariate = (inputs.covariate.means - self._covariate_mean) / self._covariate_scale
        noise = DEFAULTS.covariate_slope**2 * inputs.covariate.variances / self._covariate_scale**2
        return Standardised(inputs.x, costs, covariate, noise)

    def _kernel(self, left: Standardised, right: Standardised) -> Array:
        h = self.hyperparameters
        lengths = h.lengths[self._groups]
        kernel = matern(squared_distances(left.x / lengths, right.x / lengths))
        kernel *= h.x_variance
        if left.costs.shape[1]:
            curve = matern(squared_distances(left.costs / h.curve_length, right.costs / h.curve_length))
            curve *= h.curve_variance
            kernel += curve
        kernel += left.linear(right)
        return kernel

    def _prior_variance(self, points: Standardised) -> Array:
        h = self.hyperparameters
        curve = h.curve_variance if points.costs.shape[1] else 0.0
        return np.asarray(h.x_variance + curve + points.linear_variance() + points.noise)


def without_outliers(values: Array) -> Array:
    """Return the values, n, clipped at ``outlier_iqr`` interquartile ranges above the upper quartile."""
    if len(values) < 4:
        return values
    low, high = np.quantile(values, [0.25, 0.75])
    return np.asarray(np.minimum(values, high + DEFAULTS.outlier_iqr * (high - low)))
