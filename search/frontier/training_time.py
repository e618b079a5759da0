"""How long an epoch of a network takes, learned from those that were trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FEWEST = 3
"""Trainings from which anything is concluded."""
SLOPE_PRECISION = 1.0
"""Of a prior that says: work makes no difference (a small network is bound by something else)."""


class TrainingTime:
    """A line over logarithms, from the work in an epoch (any unit, such as MACs) to its seconds."""

    def __init__(self, seen: Sequence[tuple[float | None, float | None]]) -> None:
        known = np.log([(work, seconds) for work, seconds in seen if work and seconds]).reshape(-1, 2)
        self._line: NDArray[np.float64] | None = None
        if len(known) < FEWEST:
            return
        self._centre = float(known[:, 0].mean())
        design = np.column_stack([np.ones(len(known)), known[:, 0] - self._centre])
        precision = design.T @ design + np.diag([0.0, SLOPE_PRECISION])
        self._line = np.linalg.solve(precision, design.T @ known[:, 1])

    def of(self, work: Sequence[float | None]) -> NDArray[np.float64]:
        """Return the seconds of an epoch for each work; 1 for all where too little is known."""
        if self._line is None or not all(work):
            return np.ones(len(work))
        logs = np.log(np.array(work, dtype=np.float64)) - self._centre
        return np.asarray(np.exp(self._line[0] + self._line[1] * logs))
