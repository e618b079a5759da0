"""How likely points neither fail nor break a constraint, learned from which of those tried did."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, solve_triangular
from scipy.linalg.lapack import dpotri
from scipy.special import expit, ndtr

from search.frontier.models.gaussian_process import spread_rows
from search.frontier.models.kernels import matern, squared_distances

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

HOPELESS = 0.1
"""A chance of success below which a point is hardly tried: what always failed seems to promise most."""
LEAST = 1e-9
STRENGTH = 20.0
"""How freely the coefficients of the logistic regression move: the inverse of their penalty."""
NEWTON_STEPS, LONGEST_STEP = 12, 4.0
"""Of its fit, and by how much (as a logit) one of them moves any point at most."""
MOST_SMOOTHED = 100
"""Points that regions are learned from; of more, some spread over all."""
LENGTHS, NOISES = (0.2, 0.5, 1.2), (0.01, 0.5)
"""Lengths of regions that are tried out, in typical distances of random points, and variances of chance."""
WIDEST = 2.0
"""Of a constraint at most so many typical values count: how badly it is broken is of no more interest."""
NEGLIGIBLE = 0.02
"""A model of less weight is left aside."""


class ChanceOfSuccess:
    """Each point's chance of success; rows are points as numbers from 0 to 1.

    Three models are weighed by how well they foretell each trial from all others: one share for all points;
    a logistic regression, which sees that one of many parameters decides; and a Gaussian process over what
    came of the trials, which sees regions. ``violations`` (n x c) are the values of constraints, kept where
    they are at most 0; NaN where they are not known.
    """

    def __init__(self, tried: Array, succeeded: Flags, violations: Array | None = None) -> None:
        self._always = 1.0 if succeeded.all() else 0.5
        self._linear: _Linear | None = None
        self._smooth: _Smooth | None = None
        self._weights = (1.0, 0.0, 0.0)
        if succeeded.all():
            return
        rows = spread_rows(len(tried), MOST_SMOOTHED)
        targets = _targets(succeeded, violations)[rows]
        self._smooth = _Smooth.fitted(tried[rows], targets, succeeded[rows])
        if not succeeded.any():
            self._weights = (0.0, 0.0, 1.0)
            return
        self._always = float(succeeded.mean())
        self._linear = _Linear.fitted(tried, succeeded)
        shares = (succeeded.sum() - succeeded + 0.5) / len(succeeded)
        by_trial = [_log_losses(shares, succeeded)[rows], self._linear.losses[rows], self._smooth.losses]
        losses = np.array([each.sum() for each in by_trial])
        weights = np.exp(losses.min() - losses)
        weights[weights < NEGLIGIBLE * weights.sum()] = 0.0
        self._weights = tuple(weights / weights.sum())

    def of(self, points: Array) -> Array:
        """Return the chances of points, n."""
        base, linear, smooth = self._weights
        chance = np.full(len(points), base * self._always)
        if linear and self._linear is not None:
            chance += linear * self._linear.of(points)
        if smooth and self._smooth is not None:
            chance += smooth * self._smooth.of(points)
        return np.where(chance < HOPELESS, 1e-3 * np.maximum(chance, LEAST), chance)


class _Linear(NamedTuple):
    """A logistic regression, and its loss of each trial where that is foretold from all others."""

    coefficients: Array
    losses: Array

    @classmethod
    def fitted(cls, tried: Array, succeeded: Flags) -> _Linear:
        columns = _with_constant(tried)
        penalty = np.append(np.full(tried.shape[1], 1.0 / STRENGTH), 1e-6)  # the constant moves freely
        coefficients = np.zeros(columns.shape[1])
        for _ in range(NEWTON_STEPS):
            chance = expit(columns @ coefficients)
            weight = np.maximum(chance * (1.0 - chance), 1e-6)
            curvature = columns.T @ (columns * weight[:, None])
            curvature[np.diag_indices_from(curvature)] += penalty
            slope = columns.T @ (succeeded - chance) - penalty * coefficients
            step = np.linalg.solve(curvature, slope)
            coefficients = coefficients + step * (
                LONGEST_STEP / np.abs(columns @ step).max(initial=LONGEST_STEP)
            )
            if np.abs(step).max() < 1e-4:
                break
        # one Newton step away from the fit lies that without a trial (Pregibon 1981)
        leverage = np.einsum("ij,ij->i", columns, np.linalg.solve(curvature, columns.T).T)
        moved = leverage * (succeeded - chance) / np.maximum(1.0 - weight * leverage, 1e-3)
        return cls(coefficients, _log_losses(expit(columns @ coefficients - moved), succeeded))

    def of(self, points: Array) -> Array:
        return np.asarray(expit(_with_constant(points) @ self.coefficients))


def _with_constant(points: Array) -> Array:
    return np.column_stack([points, np.ones(len(points))])


class _Smooth(NamedTuple):
    """A Gaussian process over targets that are above 0 for success, and its losses, as above."""

    known: Array
    factor: Array
    weights: Array
    middle: float
    scale: float
    length: float
    noise: float
    losses: Array

    @classmethod
    def fitted(cls, tried: Array, targets: Array, succeeded: Flags) -> _Smooth:
        squared = squared_distances(tried, tried) * _per_square(tried)
        is_flat = not np.ptp(targets)  # all that was seen is the same, but elsewhere it may be otherwise
        mean = 0.0 if is_flat else float(targets.sum() + 1.0) / (len(targets) + 1.0)  # hopeful
        best: _Smooth | None = None
        for length in LENGTHS[:1] if is_flat else LENGTHS:
            kernel = matern(squared / length**2)
            for noise in NOISES:
                covariance = kernel.copy()
                covariance[np.diag_indices_from(covariance)] += noise
                factor = np.tril(cho_factor(covariance, lower=True, check_finite=False)[0])
                lower = np.tril(dpotri(factor, lower=1)[0])
                inverse = lower + np.tril(lower, -1).T
                weights = inverse @ (targets - mean)
                scale = float((targets - mean) @ weights) / len(targets)
                scale = max(scale, float(is_flat), 1e-9)
                diagonal = np.diag(inverse)
                chance = ndtr((targets - weights / diagonal) / np.sqrt(scale / diagonal))
                losses = _log_losses(chance, succeeded)
                if best is None or losses.sum() < best.losses.sum():
                    best = cls(tried, factor, weights, mean, scale, length, noise, losses)
        assert best is not None
        return best

    def of(self, points: Array) -> Array:
        squared = squared_distances(points, self.known) * _per_square(points)
        cross = matern(squared / self.length**2)
        solved = solve_triangular(self.factor, cross.T, lower=True, check_finite=False)
        variance = np.maximum(1.0 - np.einsum("ij,ij->j", solved, solved), 0.0) + self.noise
        return np.asarray(ndtr((self.middle + cross @ self.weights) / np.sqrt(self.scale * variance)))


def _targets(succeeded: Flags, violations: Array | None) -> Array:
    """Return what regions are learned from: 1 and -1, or by how much constraints were kept or broken."""
    signs = np.where(succeeded, 1.0, -1.0)
    if violations is None or not len(violations):
        return signs
    violations = violations[:, ~np.isnan(violations).all(axis=0)]
    if not violations.shape[1]:
        return signs
    typical = np.array([np.median(np.abs(column[~np.isnan(column)])) for column in violations.T])
    with np.errstate(over="ignore"):
        scaled = np.clip(violations / np.where(typical > 0, typical, 1.0), -WIDEST, WIDEST)
    is_known = ~np.isnan(scaled).all(axis=1)
    worst = -np.nanmax(scaled[is_known], axis=1)
    targets = signs.copy()
    targets[is_known] = worst
    # at 0 a constraint is kept, and what failed for another reason has failed
    return np.where(succeeded, np.maximum(targets, 1e-3), np.minimum(targets, -1e-3))


def _per_square(points: Array) -> float:
    """Return the inverse of half the parameters, which makes distances of random points typical ones."""
    return float(2.0 / max(1, points.shape[1]))


def _log_losses(chance: Array, succeeded: Flags) -> Array:
    """Return minus the logarithms of the chances that were given to what came, n."""
    given = np.where(succeeded, chance, 1.0 - chance)
    return np.asarray(-np.log(np.clip(given, math.exp(-6.0), 1.0)))
