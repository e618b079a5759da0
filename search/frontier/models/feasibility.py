"""The probability that a trial succeeds: that it neither fails nor violates a constraint."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, solve_triangular
from scipy.linalg.lapack import dpotri
from scipy.special import expit, ndtr

from search.frontier.config import DEFAULTS
from search.frontier.models.gaussian_process import spread_rows
from search.frontier.models.kernels import matern, squared_distances

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class FeasibilityModel:
    """A mixture of three models, weighted by their leave-one-out likelihood.

    The constant model has one probability for all points. The logistic regression finds single parameters that decide.
    The Gaussian process finds regions.
    """

    def __init__(self, x: Array, succeeded: Flags, violations: Array | None = None) -> None:
        """Fit the models.

        Args:
            x: Ended trials as rows of numbers in [0, 1], n x d.
            succeeded: Whether each trial succeeded, n.
            violations: Values of constraints, n x c; satisfied where at most 0, NaN where unknown.
        """
        self._constant = 1.0 if succeeded.all() else 0.5
        self._logistic: _Logistic | None = None
        self._smooth: _Smooth | None = None
        self._weights = (1.0, 0.0, 0.0)
        if succeeded.all():
            return
        rows = spread_rows(len(x), DEFAULTS.feasibility_max_smoothed)
        targets = _targets(succeeded, violations)[rows]
        self._smooth = _Smooth.fitted(x[rows], targets, succeeded[rows])
        if not succeeded.any():
            self._weights = (0.0, 0.0, 1.0)
            return
        self._constant = float(succeeded.mean())
        self._logistic = _Logistic.fitted(x, succeeded)
        shares = (succeeded.sum() - succeeded + 0.5) / len(succeeded)
        by_trial = [_log_losses(shares, succeeded)[rows], self._logistic.losses[rows], self._smooth.losses]
        losses = np.array([each.sum() for each in by_trial])
        weights = np.exp(losses.min() - losses)
        weights[weights < DEFAULTS.negligible_weight * weights.sum()] = 0.0
        self._weights = tuple(weights / weights.sum())

    def of(self, x: Array) -> Array:
        """Return the probability of success of points (m x d), m; hopeless points count a thousandth of it."""
        constant, logistic, smooth = self._weights
        probability = np.full(len(x), constant * self._constant)
        if logistic and self._logistic is not None:
            probability += logistic * self._logistic.of(x)
        if smooth and self._smooth is not None:
            probability += smooth * self._smooth.of(x)
        avoided = 1e-3 * np.maximum(probability, DEFAULTS.min_probability)
        return np.where(probability < DEFAULTS.hopeless_probability, avoided, probability)


class _Logistic(NamedTuple):
    """A ridge logistic regression, and the leave-one-out log loss of each trial."""

    coefficients: Array
    losses: Array

    @classmethod
    def fitted(cls, x: Array, succeeded: Flags) -> _Logistic:
        columns = _with_intercept(x)
        ridge = np.full(x.shape[1], 1.0 / DEFAULTS.logistic_inverse_penalty)
        penalty = np.append(ridge, 1e-6)  # the intercept is free
        coefficients = np.zeros(columns.shape[1])
        max_step = DEFAULTS.newton_max_logit_step
        for _ in range(DEFAULTS.newton_steps):
            probability = expit(columns @ coefficients)
            weight = np.maximum(probability * (1.0 - probability), 1e-6)
            curvature = columns.T @ (columns * weight[:, None])
            curvature[np.diag_indices_from(curvature)] += penalty
            slope = columns.T @ (succeeded - probability) - penalty * coefficients
            step = np.linalg.solve(curvature, slope)
            coefficients = coefficients + step * (max_step / np.abs(columns @ step).max(initial=max_step))
            if np.abs(step).max() < 1e-4:
                break
        # one Newton step from the fit approximates the fit without a trial (Pregibon 1981)
        leverage = np.einsum("ij,ij->i", columns, np.linalg.solve(curvature, columns.T).T)
        moved = leverage * (succeeded - probability) / np.maximum(1.0 - weight * leverage, 1e-3)
        return cls(coefficients, _log_losses(expit(columns @ coefficients - moved), succeeded))

    def of(self, x: Array) -> Array:
        return np.asarray(expit(_with_intercept(x) @ self.coefficients))


def _with_intercept(x: Array) -> Array:
    return np.column_stack([x, np.ones(len(x))])


class _Smooth(NamedTuple):
    """A Gaussian process over targets that are positive for success, and its leave-one-out log losses."""

    x: Array
    factor: Array
    weights: Array
    mean: float
    scale: float
    length: float
    noise: float
    losses: Array

    @classmethod
    def fitted(cls, x: Array, targets: Array, succeeded: Flags) -> _Smooth:
        squared = squared_distances(x, x) * _per_square(x)
        is_flat = not np.ptp(targets)  # all trials failed: elsewhere they may succeed
        mean = 0.0 if is_flat else float(targets.sum() + 1.0) / (len(targets) + 1.0)  # one pseudo-success
        best: _Smooth | None = None
        for length in DEFAULTS.feasibility_lengths[:1] if is_flat else DEFAULTS.feasibility_lengths:
            kernel = matern(squared / length**2)
            for noise in DEFAULTS.feasibility_noises:
                covariance = kernel.copy()
                covariance[np.diag_indices_from(covariance)] += noise
                factor = np.tril(cho_factor(covariance, lower=True, check_finite=False)[0])
                lower = np.tril(dpotri(factor, lower=1)[0])
                inverse = lower + np.tril(lower, -1).T
                weights = inverse @ (targets - mean)
                scale = float((targets - mean) @ weights) / len(targets)
                scale = max(scale, float(is_flat), 1e-9)
                diagonal = np.diag(inverse)
                probability = ndtr((targets - weights / diagonal) / np.sqrt(scale / diagonal))
                losses = _log_losses(probability, succeeded)
                if best is None or losses.sum() < best.losses.sum():
                    best = cls(x, factor, weights, mean, scale, length, noise, losses)
        assert best is not None
        return best

    def of(self, x: Array) -> Array:
        squared = squared_distances(x, self.x) * _per_square(x)
        cross = matern(squared / self.length**2)
        solved = solve_triangular(self.factor, cross.T, lower=True, check_finite=False)
        variance = np.maximum(1.0 - np.einsum("ij,ij->j", solved, solved), 0.0) + self.noise
        return np.asarray(ndtr((self.mean + cross @ self.weights) / np.sqrt(self.scale * variance)))


def _targets(succeeded: Flags, violations: Array | None) -> Array:
    """Return 1 and -1, or the scaled slack of the worst constraint where constraints are known, n."""
    signs = np.where(succeeded, 1.0, -1.0)
    if violations is None or not len(violations):
        return signs
    violations = violations[:, ~np.isnan(violations).all(axis=0)]
    if not violations.shape[1]:
        return signs
    typical = np.array([np.median(np.abs(column[~np.isnan(column)])) for column in violations.T])
    most = DEFAULTS.max_scaled_violation
    with np.errstate(over="ignore"):
        scaled = np.clip(violations / np.where(typical > 0, typical, 1.0), -most, most)
    is_known = ~np.isnan(scaled).all(axis=1)
    worst = -np.nanmax(scaled[is_known], axis=1)
    targets = signs.copy()
    targets[is_known] = worst
    # a violation of exactly 0 is a success, and a failed trial is none whatever its constraints
    return np.where(succeeded, np.maximum(targets, 1e-3), np.minimum(targets, -1e-3))


def _per_square(x: Array) -> float:
    """Return 2 / d, which makes typical squared distances of random points 1."""
    return float(2.0 / max(1, x.shape[1]))


def _log_losses(probability: Array, succeeded: Flags) -> Array:
    """Return the negative log likelihood of each outcome, n."""
    given = np.where(succeeded, probability, 1.0 - probability)
    return np.asarray(-np.log(np.clip(given, math.exp(-6.0), 1.0)))
