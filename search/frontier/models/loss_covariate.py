"""The predicted training loss of a network, as a covariate of its error.

The training loss is a mean over all images of an epoch. It has less noise than the accuracy on some hundreds of
validation images, and it is known from the first epoch on. ``docs/experiments`` has its correlation with the final
accuracy. The error model learns its weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.frontier.config import DEFAULTS
from search.frontier.models.gaussian_process import Covariate, GaussianProcess, Inputs, spread_rows
from search.frontier.models.learning_curves import as_rows, final_values

Array = NDArray[np.float64]


class LossCovariate:
    """A model of the final training loss of a network."""

    def __init__(
        self,
        inputs: Inputs,
        losses: Sequence[Mapping[int, float]],
        epochs: int,
        groups: NDArray[np.intp],
    ) -> None:
        """Fit the model; with too few or equal losses there is none.

        Args:
            inputs: The trainings, n.
            losses: The loss of each training by epoch, n. Losses of unfinished trainings are extrapolated.
            epochs: Epochs of a complete training.
            groups: The parameter of each column of ``inputs.x``.
        """
        self._model: GaussianProcess | None = None
        rows = np.array([row for row, seen in enumerate(losses) if seen], dtype=np.intp)
        if len(rows) < DEFAULTS.loss_min_observations:
            return
        curves = as_rows([losses[row] for row in rows], epochs)
        is_final = np.isfinite(curves[:, -1])
        finals = final_values(curves, inputs.costs[rows], is_final)
        if np.ptp(finals.values) <= DEFAULTS.loss_min_range:
            return
        chosen = spread_rows(len(rows), DEFAULTS.loss_max_observations)
        self._model = GaussianProcess(
            inputs[rows[chosen]],
            finals.values[chosen],
            finals.variances[chosen],
            groups,
            max_fitted=DEFAULTS.loss_max_fitted,
            fit_steps=DEFAULTS.loss_fit_steps,
        )

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return the points with their predicted loss as covariate; unchanged without a model."""
        if self._model is None:
            return inputs
        means, deviations = self._model.predict(inputs)
        return replace(inputs, covariate=Covariate(means, deviations**2))
