"""Extrapolation of learning curves: the final error, or loss, of a training that stopped early.

A Bayesian linear regression maps the state of a curve at an epoch to its end. It is fitted to the curves that went
further. Its features include the error that promotion was based on, so promoting only good trainings does not bias it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.frontier.config import DEFAULTS

Array = NDArray[np.float64]


class FinalValues(NamedTuple):
    """The final value of each training, and the extrapolation variance (0 if complete), n each."""

    values: Array
    variances: Array


def as_rows(curves: Sequence[Mapping[int, float]], epochs: int) -> Array:
    """Return curves (values by epoch, from 1) as an array, n x epochs; NaN where there is no value."""
    lengths = [len(curve) for curve in curves]
    rows = np.full((len(curves), epochs), np.nan)
    columns = np.fromiter(chain.from_iterable(curves), dtype=np.intp, count=sum(lengths)) - 1
    values = list(chain.from_iterable(curve.values() for curve in curves))
    rows[np.repeat(np.arange(len(curves)), lengths), columns] = values
    return rows


def final_values(curves: Array, costs: Array, is_final: NDArray[np.bool_]) -> FinalValues:
    """Return the final value of every curve.

    Args:
        curves: Errors or losses, n x epochs; NaN where there is none.
        costs: Costs of the networks, n x c.
        is_final: Whether a training is complete: then its last value is final, n.

    Returns:
        Final values and variances; NaN for an empty curve.
    """
    epochs = np.arange(1, curves.shape[1] + 1)
    seen = np.isfinite(curves)
    last = (seen * epochs).max(axis=1, initial=0)
    values, variances = np.full(len(curves), np.nan), np.zeros(len(curves))
    rows = np.flatnonzero(is_final & (last > 0))
    values[rows] = curves[rows, last[rows] - 1]
    scaled = (costs - costs.mean(axis=0)) / (costs.std(axis=0) + 1e-12) if len(costs) else costs
    # late stops first: their extrapolated ends are data for the earlier stops
    for stop in sorted({int(epoch) for epoch in last[~is_final] if epoch}, reverse=True):
        here = np.flatnonzero(~is_final & (last == stop))
        further = np.flatnonzero(seen[:, stop - 1] & np.isfinite(values))
        rows = np.concatenate([further, here])
        features = np.column_stack([_features(curves[rows, :stop]), scaled[rows]])
        remaining = max(0.0, 1.0 - stop / curves.shape[1]) ** 0.5
        regression = _Regression(features, values[further], variances[further], remaining)
        values[here] = regression.predict(features[len(further) :])
        variances[here] = regression.variance
    return FinalValues(values, variances)


def _features(curves: Array) -> Array:
    """Return the last value of each curve, and its fall below the mean of the earlier ones, n x 2."""
    now, before = curves[:, -1], curves[:, :-1]
    count = np.isfinite(before).sum(axis=1)
    mean = np.nan_to_num(before).sum(axis=1) / np.maximum(1, count)
    fall = np.where(count > 0, mean - now, 0.0)
    return np.column_stack([now, fall - fall.mean()])


class _Regression:
    """Bayesian linear regression of the gain: final value minus the value at the stop.

    The first rows of ``features`` belong to the known final ``values`` with ``variances``. ``remaining`` is the square
    root of the fraction of the training that is left; it scales the prior.
    """

    def __init__(self, features: Array, values: Array, variances: Array, remaining: float) -> None:
        scale = max(float(features[:, 0].std()), DEFAULTS.curve_min_spread)
        remaining = max(remaining, 0.05)
        self._centre = float(features[:, 0].mean())
        gain, slope = DEFAULTS.curve_gain_scale, DEFAULTS.curve_slope_scale
        width = remaining * np.array(
            [gain * scale, slope, slope, *([slope * scale] * (features.shape[1] - 2))]
        )
        prior = (DEFAULTS.curve_residual_scale * remaining * scale) ** 2
        prior_count = DEFAULTS.curve_prior_count
        self.variance = prior
        self._coefficients: Array = np.zeros(len(width))
        if not len(values):
            return
        design, gains = self._design(features[: len(values)]), values - features[: len(values), 0]
        for _ in range(3):  # residual variance and coefficients depend on each other
            information = design.T / (self.variance + variances)
            precision = np.diag(1.0 / width**2) + information @ design
            self._coefficients = np.asarray(np.linalg.solve(precision, information @ gains), np.float64)
            residuals = (gains - design @ self._coefficients) ** 2
            self.variance = float((residuals.sum() + prior_count * prior) / (len(gains) + prior_count))
        # the known ends may be extrapolated themselves
        self.variance += float(np.average(variances, weights=1.0 / (self.variance + variances)))

    def _design(self, features: Array) -> Array:
        return np.column_stack([np.ones(len(features)), features[:, 0] - self._centre, features[:, 1:]])

    def predict(self, features: Array) -> Array:
        """Return the final values, n."""
        return np.asarray(features[:, 0] + self._design(features) @ self._coefficients)
