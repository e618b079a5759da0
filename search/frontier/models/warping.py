"""Output warping: errors as the Gaussian process sees them.

Errors of a wide range are skewed: 0.03 for a few networks, 0.3 to 0.9 for the others. A Gaussian process over such
errors takes the differences among good networks for noise. Over ``log(y - c)`` it sees them. The hypervolume is still
that of the errors themselves, because the expected improvement has a closed form.

Source: Box, Cox 1964, "An Analysis of Transformations"; Snelson, Ghahramani, Rasmussen 2004, "Warped Gaussian
Processes".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from search.frontier.config import DEFAULTS
from search.frontier.hypervolume_improvement import expected_improvement
from search.frontier.models.gaussian_process import without_outliers

Array = NDArray[np.float64]

TINY = 1e-300
"""Smallest distance from the shift."""
MAX_LOG = 700.0
"""Largest exponent that does not overflow."""
EQUAL = 1e-9
"""Relative difference up to which the median equals the lowest error."""


@dataclass(frozen=True)
class Warping:
    """The transformation ``z = log(y - shift)``; without ``shift`` it is ``z = y``."""

    shift: float | None = None

    @classmethod
    def fitted(cls, errors: Array) -> Warping:
        """Return the warping under which errors (n) are most likely normal.

        The shift is chosen among ``min - s (median - min)``. The logarithm needs a log likelihood that is higher by
        ``warping_min_gain``, the penalty of Akaike's criterion.
        """
        if len(errors) < DEFAULTS.warping_min_observations:
            return cls()
        errors = without_outliers(errors)
        low, middle = float(errors.min()), float(np.median(errors))
        if middle - low <= EQUAL * abs(low):
            return cls()
        best, shift = _log_likelihood(errors) + DEFAULTS.warping_min_gain, None
        for distance in DEFAULTS.warping_distances:
            tried = low - distance * (middle - low)
            logs = np.log(errors - tried)
            found = _log_likelihood(logs) - float(logs.sum())
            if found > best:
                best, shift = found, tried
        return cls(shift)

    def warped(self, errors: Array) -> Array:
        """Return errors as the process sees them, n. All must be above the shift."""
        return errors if self.shift is None else np.log(errors - self.shift)

    def warped_variances(self, errors: Array, variances: Array) -> Array:
        """Return variances of errors as the process sees them, n, to first order."""
        return variances if self.shift is None else variances / (errors - self.shift) ** 2

    def errors(self, values: Array) -> Array:
        """Return the errors of values that the process predicts, n: medians for means."""
        return values if self.shift is None else np.exp(values) + self.shift

    def expected_improvement(self, level: Array, mean: Array, deviation: Array) -> Array:
        """Return ``E[max(0, level - Y)]``, elementwise.

        ``Z ~ N(mean, deviation^2)`` is the warped error. With ``t = log(level - c)`` it is
        ``(level - c) Phi((t - m) / s) - exp(m + s^2 / 2) Phi((t - m) / s - s)``.
        """
        if self.shift is None:
            return expected_improvement(level, mean, deviation)
        distance = np.maximum(level - self.shift, TINY)
        z = (np.log(distance) - mean) / deviation
        expected = np.exp(np.minimum(mean + 0.5 * deviation**2, MAX_LOG))
        return np.asarray(np.maximum(distance * ndtr(z) - expected * ndtr(z - deviation), 0.0))


def _log_likelihood(values: Array) -> float:
    """Return the highest log likelihood of values, n, under a normal distribution, up to a constant."""
    return -len(values) * float(np.log(values.std()))
