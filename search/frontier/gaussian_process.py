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
from scipy.linalg.lapack import dpotri
from scipy.optimize import minimize

Array = NDArray[np.float64]

MOST_FITTED = 64
"""Observations from which the hyperparameters are found; a step of the fit takes about a millisecond."""
FIT_STEPS = 14
JITTER = 1e-8
IN_CACHE = 2**14
"""Numbers that are worked on at once."""
LEAST_SCALE = 1e-4
"""Prior deviation, in parts of their size, of values that have all been the same so far."""
LINE_WIDTH = 2.0
"""Prior deviation of the line's height and of its slope over costs, in deviations of the observations."""
SIGNAL_SLOPE, SIGNAL_WIDTH = 0.7, 0.3
"""Prior mean and deviation of the line's slope over a signal, where both have a deviation of 1."""
KNOBS_VARIANCE, BESIDE_SIGNAL = 0.5, 0.05
"""Prior middle of what the knobs explain, and of what is left of it where there is a signal."""
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


class _Standard(NamedTuple):
    """Points with costs and signal of mean 0 and deviation 1; the signal is 0 where there is none.

    ``noise`` (n) is the variance that values have besides, since the signal is a guess.
    """

    knobs: Array
    costs: Array
    signal: Array
    noise: Array

    def line(self, other: _Standard) -> Array:
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


def spread_rows(count: int, most: int) -> NDArray[np.intp]:
    """Return the rows, of ``count``, that a model learns from: all of them, or ``most`` spread over all."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))


class GaussianProcess:
    """What is known after observing ``values`` at ``inputs``; small values are good.

    ``extra_variance`` is added to the noise of each observation (in the square of the values' unit).
    ``groups`` says for each column of the knobs to which knob it belongs, from 0. The same arguments give
    the same process.
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
    ) -> None:
        self._groups = groups
        values = without_outliers(values)
        self._mean = float(values.mean())
        spread = float(values.std())
        size = 1.0 + abs(self._mean)
        self._scale = spread if spread > 1e-9 * size else LEAST_SCALE * size  # all are the same
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
        prior = _prior(int(groups.max()) + 1 if len(groups) else 0, has_signal=inputs.signal is not None)
        self.hyperparameters = _fit(points, targets[chosen], extra[chosen], groups, prior, fit_steps)
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

    def _standardised(self, inputs: Inputs) -> _Standard:
        costs = (inputs.costs - self._cost_mean) / self._cost_scale
        if inputs.signal is None:
            return _Standard(inputs.knobs, costs, np.zeros(len(inputs)), np.zeros(len(inputs)))
        signal = (inputs.signal.means - self._signal_mean) / self._signal_scale
        noise = SIGNAL_SLOPE**2 * inputs.signal.variances / self._signal_scale**2
        return _Standard(inputs.knobs, costs, signal, noise)

    def _kernel(self, left: _Standard, right: _Standard) -> Array:
        h = self.hyperparameters
        lengths = h.lengths[self._groups]
        kernel = matern(_distances(left.knobs / lengths, right.knobs / lengths))
        kernel *= h.knobs_variance
        if left.costs.shape[1]:
            curve = matern(_distances(left.costs / h.curve_length, right.costs / h.curve_length))
            curve *= h.curve_variance
            kernel += curve
        kernel += left.line(right)
        return kernel

    def _own_variance(self, points: _Standard) -> Array:
        h = self.hyperparameters
        curve = h.curve_variance if points.costs.shape[1] else 0.0
        return np.asarray(h.knobs_variance + curve + points.line_variance() + points.noise)


def without_outliers(values: Array) -> Array:
    """Return the values with those cut that are far above the others."""
    if len(values) < 4:
        return values
    low, high = np.quantile(values, [0.25, 0.75])
    return np.asarray(np.minimum(values, high + OUTLIER * max(high - low, 1e-9)))


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


def _matern_slope(squared: Array) -> Array:
    """Return the derivative of ``matern`` by the squared distance."""
    scaled = np.sqrt(5.0 * squared)
    return np.asarray(-5.0 / 6.0 * (1.0 + scaled) * np.exp(-scaled))


def _distances(left: Array, right: Array) -> Array:
    """Return the squared distance of every row of ``left`` from every row of ``right``."""
    squared = left @ (-2.0 * right.T)
    squared += (left**2).sum(axis=1)[:, None]
    squared += (right**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squared, 0.0, out=squared))


def _inverse(factor: Array) -> Array:
    """Return the inverse of a matrix from its lower Cholesky factor, at half the cost of solving for it."""
    lower, _ = dpotri(factor, lower=1)
    lower = np.tril(lower)
    return np.asarray(lower + np.tril(lower, -1).T)


def _prior(num_groups: int, *, has_signal: bool) -> tuple[Array, Array]:
    """Return means and deviations of the normal priors of the logarithms of the hyperparameters.

    In many dimensions lengths grow with the root of their number, so that distances stay comparable
    (Hvarfner, Hellsten, Nardi 2024).
    """
    length = math.log(0.8) + 0.5 * math.log(max(1, num_groups))
    knobs_variance = BESIDE_SIGNAL if has_signal else KNOBS_VARIANCE
    means = [math.log(0.3), math.log(1.0), math.log(knobs_variance), math.log(0.1), *([length] * num_groups)]
    deviations = [1.0, 0.7, 1.0, 1.2, *([0.4] * num_groups)]
    return np.array(means), np.array(deviations)


def _fit(
    inputs: _Standard,
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
            _distances(inputs.knobs[:, groups == group], inputs.knobs[:, groups == group])
            for group in range(num_groups)
        ]
        or [np.zeros((len(targets), len(targets)))]
    )
    flat = by_group.reshape(len(by_group), -1)
    over_costs = _distances(inputs.costs, inputs.costs)
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
        inverse = _inverse(factor)
        weights = inverse @ targets
        off = (logs - means) / deviations
        value = 0.5 * targets @ weights + np.log(np.diag(factor)).sum() + 0.5 * off @ off
        pull = 0.5 * (inverse - np.outer(weights, weights))
        gradient = off / deviations
        if has_costs:
            gradient[0] += np.vdot(pull, curve)
            slope = h.curve_variance * _matern_slope(at_costs)
            gradient[1] += np.vdot(pull, -2.0 * slope * at_costs)
        gradient[2] += np.vdot(pull, knobs)
        gradient[3] += h.noise_variance * np.trace(pull)
        pulled = -2.0 * h.knobs_variance * pull * _matern_slope(squared)
        if num_groups:
            gradient[4:] += flat @ pulled.ravel() * h.lengths**-2
        return float(value), gradient

    bounds = [(mean - 4 * width, mean + 4 * width) for mean, width in zip(means, deviations, strict=True)]
    found = minimize(loss, means, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": fit_steps})
    return Hyperparameters.from_logs(found.x)
