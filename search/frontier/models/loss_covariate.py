"""What trainings tell besides their errors: how far the training loss has fallen.

It is the mean over all images of an epoch, and so has far less of luck in it than the accuracy on some
hundreds of validation images; and it is seen from the first epoch on. On the recorded tables it tells more of
a network's final accuracy, among networks of one size, than a whole training's own validation accuracy does
(``docs/log.md`` has the figures). How much that is worth where a search goes on, its model learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.frontier.models.gaussian_process import GaussianProcess, Inputs, Signal, spread_rows
from search.frontier.models.learning_curves import as_rows, final_values

Array = NDArray[np.float64]

FEWEST = 6
"""Trainings that must have said what their loss was before anything is learned from losses."""
LEAST_SPREAD = 1e-6
"""Of losses that tell anything; all are the same where nothing is learned."""
MOST = 96
"""Trainings that the model of the loss learns from: of more, some spread over all."""
MOST_FITTED, FIT_STEPS = 48, 10
"""As in ``gaussian_process``; this model needs less care."""


class LossSignal:
    """A model of the training loss that a network ends with, which is the signal of each point.

    ``losses`` are those of each training by epoch, of ``epochs`` in all. Those of trainings that stopped
    early count by what they let expect of the end, as errors do.
    """

    def __init__(
        self,
        inputs: Inputs,
        losses: Sequence[Mapping[int, float]],
        epochs: int,
        groups: NDArray[np.intp],
    ) -> None:
        self._model: GaussianProcess | None = None
        rows = np.array([row for row, seen in enumerate(losses) if seen], dtype=np.intp)
        if len(rows) < FEWEST:
            return
        curves = as_rows([losses[row] for row in rows], epochs)
        is_final = np.isfinite(curves[:, -1])
        guesses = final_values(curves, inputs.costs[rows], is_final)
        if np.ptp(guesses.values) <= LEAST_SPREAD:
            return
        chosen = spread_rows(len(rows), MOST)
        self._model = GaussianProcess(
            inputs[rows[chosen]],
            guesses.values[chosen],
            guesses.variances[chosen],
            groups,
            most_fitted=MOST_FITTED,
            fit_steps=FIT_STEPS,
        )

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return the points with the loss that is expected of each as a signal, if any is."""
        if self._model is None:
            return inputs
        means, deviations = self._model.predict(inputs)
        return replace(inputs, signal=Signal(means, deviations**2))
