"""Whether the model of the error foretells anything, and what to do where it does not.

Where most of a space is at chance level, nearly all trials come to the same. The few that do not look like
luck to a Gaussian process, so it takes all of the spread for noise, and expects nothing anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.frontier.models.gaussian_process import GaussianProcess, Inputs

Array = NDArray[np.float64]

LEAST_FORETOLD = 0.4
"""Share of the spread that a model foretells at least; with less it knows next to nothing."""
TYPICAL = 0.4
"""Typical surprise, beside that of normal noise, below which few observations have made the noise large."""
MARGIN = 1.5
"""By which noise may exceed what is typical."""
FEWEST = 8
"""Observations from which on that can be told."""
ENOUGH = 12
"""Observations from which on a model that foretells little is not so by chance."""
FLAT = 0.2
"""Half of the observations lie within this part of their range where most come to the same."""
MOST_FITS = 3
LEAST_NOISE = 1e-6


class Foresight(NamedTuple):
    """How observations are foretold, each from all others.

    ``share`` is that of their spread which is foretold, at most 1 and below 0 where their mean would do
    better; ``surprise`` how far a typical one is off in expected deviations, 1 for normal noise.
    Observations ``are_flat`` where most come to the same; they ``are_enough`` where it is not for want of
    them that a model foretells little.
    """

    share: float
    surprise: float
    are_flat: bool
    are_enough: bool

    @property
    def is_poor(self) -> bool:
        """Whether a model knows next to nothing, and not for want of observations."""
        return self.share < LEAST_FORETOLD and (self.are_flat or self.are_enough)


def foresight(process: GaussianProcess) -> Foresight:
    """Return how well a process foretells what it was made from; what is sure counts most."""
    values, residuals, deviations, extra = process.left_out()
    weights = 1.0 / (1e-3 + extra)
    count = len(values)
    off_mean = (values - np.average(values, weights=weights)) * count / max(1, count - 1)
    spread = float(np.average(off_mean**2, weights=weights))
    share = 1.0 - float(np.average(residuals**2, weights=weights)) / spread if spread > 1e-9 else 0.0
    surprise = 1.4826 * float(np.median(np.abs(residuals / deviations)))
    low, high = np.quantile(values, [0.25, 0.75])
    return Foresight(share, surprise, bool(high - low <= FLAT * np.ptp(values)), count >= ENOUGH)


def error_model(
    inputs: Inputs, errors: Array, variances: Array, groups: NDArray[np.intp]
) -> tuple[GaussianProcess, Foresight]:
    """Return a model of errors, and how well it foretells them.

    Where a model foretells little, and few observations are to blame for most of its noise, it is made anew
    with no more noise than is typical: then those few tell it something.
    """
    process = GaussianProcess(inputs, errors, variances, groups)
    found = foresight(process)
    for _ in range(MOST_FITS - 1):
        if len(errors) < FEWEST or found.share >= LEAST_FORETOLD or found.surprise >= TYPICAL:
            break
        noise = process.hyperparameters.noise_variance * max(MARGIN * found.surprise, 1e-3) ** 2
        process = GaussianProcess(inputs, errors, variances, groups, most_noise=max(noise, LEAST_NOISE))
        found = foresight(process)
    return process, found
