"""A Gaussian process over networks: how accurate one would be, and how far that is known.

The prior is a sum of three parts: a line over the known costs (logarithms of parameters and the like) and a
signal, a smooth curve over the costs, and a smooth function of every knob. So size explains what it explains
with few observations, and the knobs the rest. Each observation may be less certain than the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from search.frontier.models.hyperparameters import JITTER, fit_hyperparameters, inverse, prior_of_logs
from search.frontier.models.kernels import SIGNAL_SLOPE, Standardised, matern, squared_distances

Array = NDArray[np.float64]

MOST_FITTED = 64
"""Observations from which the hyperparameters are found; a step of the fit takes about a millisecond."""
FIT_STEPS = 14
LEAST_SCALE = 1e-4
"""Prior deviation, in parts of their size, of values that have all been the same so far."""
ROUNDING = 1e-13
"""Of values that are all the same, in parts of their mean."""
OUTLIER = 3.0
"""Interquartile ranges beyond the quartiles at which bad values are cut: a diverged training says no more."""


class Signal(NamedTuple):
    """A number of each point (n, any scale) that rises with the values; a guess, with these variances (n)."""

    means: Array
    variances: Array


@dataclass(frozen=True)
class Inputs:
    """Points to learn from or to predict: ``knobs`` (n x d, from 0 to 1) and ``costs`` (n x c, any scale).

    A ``signal`` is known to rise with the values, which is not known of costs.
    """

    knobs: Array
    costs: Array
    signal: Signal | None = None

    def __len__(self) -> int:
        return len(self.knobs)

    def __getitem__(self, which: NDArray[np.intp] | slice) -> Inputs:
        signal = None if self.signal is None else Signal(*(part[which] for part in self.signal))
        return Inputs(self.knobs[which], self.costs[which], signal)

    def and_also(self, other: Inputs) -> Inputs:
        """Return these points, then the others; both have a signal or neither has."""
        signal = None
        if self.signal is not None and other.signal is not None:
            signal = Signal(*(np.concatenate(parts) for parts in zip(self.signal, other.signal, strict=True)))
        return Inputs(np.vstack([self.knobs, other.knobs]), np.vstack([self.costs, other.costs]), signal)


def spread_rows(count: int, most: int) -> NDArray[np.intp]:
    """Return the rows, of ``count``, that a model learns from: all of them, or ``most`` spread over all."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


class GaussianProcess:
    """What is known after observing ``values`` at ``inputs``; small values are good.

    ``extra_variance`` is added to the noise of each observation (in the square of the values' unit).
    ``groups`` says for each column of the knobs to which knob it belongs, from 0. The variance of the noise
    is hardly more than ``most_noise``, in parts of that of the values. The same arguments give the same
    process.
    """

    def __init__(
        self,
        inputs: Inputs,
        values: Array,
        extra_variance: Array,
        groups: NDArray[np.intp],
        *,
        most_fitted: int = MOST_FITTED,
        fit_steps: int = FIT_STEPS,
        most_noise: float | None = None,
    ) -> None:
        self._groups = groups
        values = without_outliers(values)
        self._mean = float(values.mean())
        spread = float(values.std())
        are_same = spread <= ROUNDING * abs(self._mean)
        self._scale = LEAST_SCALE * (1.0 + abs(self._mean)) if are_same else spread
        self._cost_mean = inputs.costs.mean(axis=0)
        self._cost_scale = inputs.costs.std(axis=0) + 1e-12
        self._signal_mean, self._signal_scale = 0.0, 1.0
        if inputs.signal is not None:
            self._signal_mean = float(inputs.signal.means.mean())
            # a guess that is unsure varies little itself: what it guesses at varies by both
            total = inputs.signal.means.var() + inputs.signal.variances.mean()
            self._signal_scale = math.sqrt(total) + 1e-12
        targets = (values - self._mean) / self._scale
        extra = extra_variance / self._scale**2
        chosen = spread_rows(len(inputs), most_fitted)
        points = self._standardised(inputs[chosen])
        num_groups = int(groups.max()) + 1 if len(groups) else 0
        prior = prior_of_logs(num_groups, has_signal=inputs.signal is not None, most_noise=most_noise)
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
        self._weights = cho_solve((self._factor, True), self._targets - self._known.line_mean())

    @property
    def noise(self) -> float:
        """The deviation of one observation without extra variance, in the unit of the values."""
        return math.sqrt(self.hyperparameters.noise_variance) * self._scale

    def left_out(self) -> tuple[Array, Array, Array, Array]:
        """Return how each observation is foretold from all others, in deviations of the values (n each).

        That is the observation itself, how far it is off, how far it was expected to be, and the variance
        that it has besides the noise.
        """
        diagonal = np.diag(inverse(self._factor))
        return self._targets, self._weights / diagonal, 1.0 / np.sqrt(diagonal), self._extra

    def mean(self, inputs: Inputs) -> Array:
        """Return the mean of the function at each point, in the values' unit."""
        points = self._standardised(inputs)
        mean = self._kernel(points, self._known) @ self._weights + points.line_mean()
        return np.asarray(mean * self._scale + self._mean)

    def predict(self, inputs: Inputs) -> tuple[Array, Array]:
        """Return mean and deviation of the function (without noise) at each point, in the values' unit."""
        points = self._standardised(inputs)
        cross = self._kernel(points, self._known)
        mean = cross @ self._weights + points.line_mean()
        solved = solve_triangular(self._factor, cross.T, lower=True, check_finite=False)
        variance = self._own_variance(points) - np.einsum("ij,ij->j", solved, solved)
        return mean * self._scale + self._mean, np.sqrt(np.maximum(variance, 1e-10)) * self._scale

    def believing(self, inputs: Inputs, extra_variance: float = 0.0) -> GaussianProcess:
        """Return the process after also observing its own mean at ``inputs``: less is unknown around them."""
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
        if inputs.signal is None:
            return Standardised(inputs.knobs, costs, np.zeros(len(inputs)), np.zeros(len(inputs)))
        signal = (inputs.signal.means - self._signal_mean) / self._signal_scale
        noise = SIGNAL_SLOPE**2 * inputs.signal.variances / self._signal_scale**2
        return Standardised(inputs.knobs, costs, signal, noise)

    def _kernel(self, left: Standardised, right: Standardised) -> Array:
        h = self.hyperparameters
        lengths = h.lengths[self._groups]
        kernel = matern(squared_distances(left.knobs / lengths, right.knobs / lengths))
        kernel *= h.knobs_variance
        if left.costs.shape[1]:
            curve = matern(squared_distances(left.costs / h.curve_length, right.costs / h.curve_length))
            curve *= h.curve_variance
            kernel += curve
        kernel += left.line(right)
        return kernel

    def _own_variance(self, points: Standardised) -> Array:
        h = self.hyperparameters
        curve = h.curve_variance if points.costs.shape[1] else 0.0
        return np.asarray(h.knobs_variance + curve + points.line_variance() + points.noise)


def without_outliers(values: Array) -> Array:
    """Return the values with those cut that are far above the others."""
    if len(values) < 4:
        return values
    low, high = np.quantile(values, [0.25, 0.75])
    return np.asarray(np.minimum(values, high + OUTLIER * (high - low)))
