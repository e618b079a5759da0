"""What trainings tell besides their errors: how far the training loss has fallen.

It is the mean over all images of an epoch, and so has far less of luck in it than the accuracy on some
hundreds of validation images; and it is seen from the first epoch on. On the recorded tables it tells more of
a network's final accuracy, among networks of one size, than a whole training's own validation accuracy does
(``docs/log.md`` has the figures). How much that is worth where a search goes on, its model learns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from search.frontier.gaussian_process import GaussianProcess, Inputs

Array = NDArray[np.float64]

FEWEST = 6
"""Trainings that must have come to an epoch before anything is learned from their losses there."""
LEAST_SPREAD = 1e-6
"""Of losses that tell anything; all are the same where nothing is learned."""
MOST = 96
"""Trainings that a model of the loss learns from: of more, some spread over all."""
MOST_FITTED, FIT_STEPS = 36, 8
"""As in ``gaussian_process``; these models need less care."""


class Signals:
    """Models of the training loss at an early and a late epoch, the first one's expectation in the second.

    ``losses`` are those of each training by epoch; of ``epochs`` the first and the last count that enough
    trainings have come to. What is expected at the last serves as one more cost of a point. Early losses, of
    which there are many, so help where late ones are few.

    Source: the chain of Kennedy, O'Hagan 2000 (autoregressive co-kriging), with means only.
    """

    def __init__(
        self,
        inputs: Inputs,
        losses: Sequence[Mapping[int, float]],
        epochs: Sequence[int],
        groups: NDArray[np.intp],
    ) -> None:
        self._models: list[GaussianProcess] = []
        at = {epoch: [row for row, found in enumerate(losses) if epoch in found] for epoch in epochs}
        told = [epoch for epoch, rows in at.items() if _tell_something([losses[row][epoch] for row in rows])]
        for epoch in sorted({*told[:1], *told[-1:]}):
            have = np.array(at[epoch], dtype=np.intp)
            have = have[np.unique(np.linspace(0, len(have) - 1, min(len(have), MOST)).round().astype(int))]
            values = np.array([losses[row][epoch] for row in have])
            self._models.append(
                GaussianProcess(
                    self.added_to(inputs[have]),
                    values,
                    np.zeros(len(have)),
                    groups,
                    most_fitted=MOST_FITTED,
                    fit_steps=FIT_STEPS,
                )
            )

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return the points with the loss that is expected of each as a last cost, if there is any."""
        extended = inputs
        for model in self._models:
            extended = Inputs(inputs.knobs, np.column_stack([inputs.costs, model.mean(extended)]))
        return extended


def _tell_something(losses: Sequence[float]) -> bool:
    return len(losses) >= FEWEST and max(losses) - min(losses) > LEAST_SPREAD
