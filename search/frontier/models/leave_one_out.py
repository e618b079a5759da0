"""Leave-one-out validation of the error model.

Where most of a space is at chance level, nearly all errors are equal. A Gaussian process then takes the few that differ
for noise and predicts no improvement anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.frontier.config import DEFAULTS
from search.frontier.models.gaussian_process import GaussianProcess, Inputs
from search.frontier.models.warping import Warping

Array = NDArray[np.float64]


class LeaveOneOut(NamedTuple):
    """How well each observation is predicted from all others.

    Attributes:
        explained: Fraction of the variance explained; below 0 if the mean predicts better.
        is_flat: Whether most observations are nearly equal.
        has_enough: Whether there are enough observations to judge the model.
    """

    explained: float
    is_flat: bool
    has_enough: bool

    @property
    def is_poor(self) -> bool:
        """Whether the model explains too little, and more observations are unlikely to help."""
        return self.explained < DEFAULTS.min_explained_variance and (self.is_flat or self.has_enough)


def leave_one_out(process: GaussianProcess) -> LeaveOneOut:
    """Return the leave-one-out validation of a process; observations of low variance weigh most."""
    values, residuals, _, extra = process.left_out()
    weights = 1.0 / (1e-3 + extra)
    count = len(values)
    off_mean = (values - np.average(values, weights=weights)) * count / max(1, count - 1)
    total = float(np.average(off_mean**2, weights=weights))
    explained = 1.0 - float(np.average(residuals**2, weights=weights)) / total if total > 1e-9 else 0.0
    low, high = np.quantile(values, [0.25, 0.75])
    return LeaveOneOut(
        explained,
        bool(high - low <= DEFAULTS.flat_range * np.ptp(values)),
        count >= DEFAULTS.loo_enough_observations,
    )


class ErrorModel(NamedTuple):
    """A Gaussian process over warped errors, and its validation."""

    warping: Warping
    process: GaussianProcess
    validation: LeaveOneOut


def error_model(
    inputs: Inputs,
    errors: Array,
    variances: Array,
    groups: NDArray[np.intp],
    *,
    may_warp: bool = True,
) -> ErrorModel:
    """Return the model of errors (n) with extrapolation variances (n).

    Errors that are skewed are modelled over logarithms if they ``may_warp`` and left-out errors are then predicted
    better.
    """
    plain = ErrorModel(Warping(), *_validated_process(inputs, errors, variances, groups))
    warping = Warping.fitted(errors) if may_warp else Warping()
    if warping.shift is None:
        return plain
    warped, of_warped = warping.warped(errors), warping.warped_variances(errors, variances)
    logarithmic = ErrorModel(warping, *_validated_process(inputs, warped, of_warped, groups))
    gain = logarithmic.process.left_out_log_likelihood() - float(warped.sum())
    return logarithmic if gain > plain.process.left_out_log_likelihood() else plain


def _validated_process(
    inputs: Inputs, errors: Array, variances: Array, groups: NDArray[np.intp]
) -> tuple[GaussianProcess, LeaveOneOut]:
    process = GaussianProcess(inputs, errors, variances, groups)
    return process, leave_one_out(process)
