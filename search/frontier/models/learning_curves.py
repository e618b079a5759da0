"""What a training that stopped early says about the error, or the loss, it would have ended with.

Of trainings that went further it is learned what an error after an epoch grows into: a line over that
error, the mean of those before it, and the network's costs, with a prior where there is little to learn
from. This is not misled by only the promising ones going further, since it looks at what they were chosen
by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GAIN = 3.0
"""Prior deviation of how far errors still fall after a stop, in deviations of the errors seen there."""
SLOPE = 0.5
"""The same of how much that depends on the error, on its fall before, and (in deviations) on each cost."""
LEFT = 0.6
"""Prior deviation of what stays unknown of one training's end, in deviations of the errors seen there."""
LEAST_SPREAD = 1e-3
"""Of values: all may be the same at first, at chance."""
PRIOR_COUNT = 3.0
"""Trainings that the prior of what stays unknown is worth."""


class FinalValues(NamedTuple):
    """Of every training: the error or loss it ends with, and the variance where that is a guess."""

    values: Array
    variances: Array


def as_rows(curves: Sequence[Mapping[int, float]], epochs: int) -> Array:
    """Return curves, each a value by epoch, as rows of so many epochs; NaN where nothing was seen."""
    lengths = [len(curve) for curve in curves]
    rows = np.full((len(curves), epochs), np.nan)
    columns = np.fromiter(chain.from_iterable(curves), dtype=np.intp, count=sum(lengths)) - 1
    values = list(chain.from_iterable(curve.values() for curve in curves))
    rows[np.repeat(np.arange(len(curves)), lengths), columns] = values
    return rows


def final_values(curves: Array, costs: Array, is_final: NDArray[np.bool_]) -> FinalValues:
    """Return what every curve says of the end of its training.

    ``curves`` (n x epochs of a whole training) holds errors or losses, NaN where none was seen; ``costs``
    (n x c) are of the networks. A finished training (``is_final``) is its own last value, of variance 0; an
    empty curve is NaN.
    """
    epochs = np.arange(1, curves.shape[1] + 1)
    seen = np.isfinite(curves)
    last = (seen * epochs).max(axis=1, initial=0)
    errors, variances = np.full(len(curves), np.nan), np.zeros(len(curves))
    rows = np.flatnonzero(is_final & (last > 0))
    errors[rows] = curves[rows, last[rows] - 1]
    scaled = (costs - costs.mean(axis=0)) / (costs.std(axis=0) + 1e-12) if len(costs) else costs
    # from late to early: what a later stop says of the end serves the earlier ones as well
    for stop in sorted({int(epoch) for epoch in last[~is_final] if epoch}, reverse=True):
        here = np.flatnonzero(~is_final & (last == stop))
        further = np.flatnonzero(seen[:, stop - 1] & np.isfinite(errors))
        rows = np.concatenate([further, here])
        features = np.column_stack([_so_far(curves[rows, :stop]), scaled[rows]])
        left = max(0.0, 1.0 - stop / curves.shape[1]) ** 0.5
        line = _Line(features, errors[further], variances[further], left)
        errors[here] = line.predict(features[len(further) :])
        variances[here] = line.variance
    return FinalValues(errors, variances)


def _so_far(curves: Array) -> Array:
    """Return the last error of each curve, and how far it is below the mean of those before (n x 2)."""
    now, before = curves[:, -1], curves[:, :-1]
    count = np.isfinite(before).sum(axis=1)
    mean = np.nan_to_num(before).sum(axis=1) / np.maximum(1, count)
    fall = np.where(count > 0, mean - now, 0.0)
    return np.column_stack([now, fall - fall.mean()])


class _Line:
    """Bayesian regression of the final error: that at the stop, less a gain that depends on the features.

    The first rows of ``features`` are of the trainings whose final ``errors`` are known, with these
    ``variances``.
    """

    def __init__(self, features: Array, errors: Array, variances: Array, left: float) -> None:
        scale = max(float(features[:, 0].std()), LEAST_SPREAD)
        left = max(left, 0.05)
        self._centre = float(features[:, 0].mean())
        width = left * np.array([GAIN * scale, SLOPE, SLOPE, *([SLOPE * scale] * (features.shape[1] - 2))])
        prior = (LEFT * left * scale) ** 2
        self.variance = prior
        self._coefficients: Array = np.zeros(len(width))
        if not len(errors):
            return
        design, gains = self._design(features[: len(errors)]), errors - features[: len(errors), 0]
        for _ in range(3):  # the variance that is left decides the weights, and they decide it
            information = design.T / (self.variance + variances)
            precision = np.diag(1.0 / width**2) + information @ design
            self._coefficients = np.asarray(np.linalg.solve(precision, information @ gains), np.float64)
            off = (gains - design @ self._coefficients) ** 2
            self.variance = float((off.sum() + PRIOR_COUNT * prior) / (len(gains) + PRIOR_COUNT))
        # the ends that it was learned from may be guesses themselves
        self.variance += float(np.average(variances, weights=1.0 / (self.variance + variances)))

    def _design(self, features: Array) -> Array:
        return np.column_stack([np.ones(len(features)), features[:, 0] - self._centre, features[:, 1:]])

    def predict(self, features: Array) -> Array:
        """Return the final errors."""
        return np.asarray(features[:, 0] + self._design(features) @ self._coefficients)
