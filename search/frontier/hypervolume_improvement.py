"""Expected hypervolume improvement of points with known costs and a normally distributed error."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]

BLOCK_ROWS = 256
"""Points compared with each other at once, which bounds the memory."""


def expected_improvement(level: Array, mean: Array, deviation: Array) -> Array:
    """Return ``E[max(0, level - X)]`` for ``X ~ N(mean, deviation^2)``, elementwise."""
    z = (level - mean) / deviation
    density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
    return np.asarray(deviation * (z * ndtr(z) + density))


Improvement = Callable[[Array, Array, Array], Array]
"""The expected improvement over a level, given mean and deviation of the error model."""


class Front:
    """The Pareto front of errors (n) and costs (n x c) below a ``reference`` (error, then each cost).

    Everything is minimised. Points beyond the reference do not count. Without costs (c = 0) the front is the lowest
    error, and the expected hypervolume improvement is the expected improvement. ``improvement`` is that of an error
    under the model; by default errors are normally distributed.
    """

    def __init__(
        self, errors: Array, costs: Array, reference: Array, improvement: Improvement = expected_improvement
    ) -> None:
        self._improvement = improvement
        self._reference = reference[1:]
        inside = (errors < reference[0]) & (costs < self._reference).all(axis=1)
        errors, costs = errors[inside], costs[inside]
        kept = nondominated(np.column_stack([errors, costs])) if len(errors) else np.zeros(0, dtype=bool)
        order = np.argsort(errors[kept], kind="stable")
        self._costs = costs[kept][order]
        self._levels = np.append(errors[kept][order], reference[0])
        self._below = [self._costs[:0]]  # for each layer, the nondominated costs of the points below it
        for new in self._costs if len(self._reference) > 1 else ():
            below = self._below[-1]
            self._below.append(np.vstack([below[~(new <= below).all(axis=1)], new]))

    def expected_hypervolume_improvement(self, costs: Array, mean: Array, deviation: Array) -> Array:
        """Return the expected hypervolume improvement of each candidate alone, m.

        ``EHVI = sum_k V_k (EI(e_k) - EI(e_{k-1}))`` with the errors ``e_k`` of the front in ascending order, and
        ``V_k`` the volume of costs that the candidate dominates and no point below layer k does. The sum is exact.

        Args:
            costs: Known costs, m x c.
            mean: Means of the errors under the model, m.
            deviation: Standard deviations of the errors under the model, m.
        """
        if not costs.shape[1]:
            return self._improvement(self._levels[0], mean, deviation)
        improvements = self._improvement(self._levels[:, None], mean[None], deviation[None])
        heights = np.diff(improvements, axis=0, prepend=0.0)
        if costs.shape[1] == 1:
            lowest = np.minimum.accumulate(np.append(self._reference[0], self._costs[:, 0]))
            volumes = np.maximum(0.0, lowest[:, None] - costs[None, :, 0])
            return np.asarray((volumes * heights).sum(axis=0))
        total = np.zeros(len(costs))
        for below, height in zip(self._below, heights, strict=True):
            total += height * free_volume(costs, below, self._reference)
        return total


def free_volume(corners: Array, points: Array, reference: Array) -> Array:
    """Return the volume between each corner (m x c) and the reference that no point (n x c) dominates, m.

    Dominated points do not change the result but take time.
    """
    if len(reference) == 1:
        return np.maximum(0.0, np.min(points[:, 0], initial=float(reference[0])) - corners[:, 0])
    points = points[np.argsort(points[:, -1], kind="stable")]
    edges = np.concatenate([[-np.inf], points[:, -1], reference[-1:]])
    low, high = np.maximum(edges[:-1, None], corners[None, :, -1]), edges[1:, None]
    slabs = np.maximum(0.0, high - low)
    if len(reference) == 2:
        lowest = np.minimum.accumulate(np.append(reference[0], points[:, 0]))
        return np.asarray((slabs * np.maximum(0.0, lowest[:, None] - corners[None, :, 0])).sum(axis=0))
    volume = np.zeros(len(corners))
    for count, slab in enumerate(slabs):
        volume += slab * free_volume(corners[:, :-1], points[:count, :-1], reference[:-1])
    return volume


def nondominated(points: Array) -> NDArray[np.bool_]:
    """Return a mask of the rows that no other row weakly dominates, n; of equal rows the first is kept."""
    order = np.lexsort(points.T[::-1])
    kept = np.zeros(len(points), dtype=bool)
    front = np.empty((0, points.shape[1]))
    for first in range(0, len(points), BLOCK_ROWS):
        rows = order[first : first + BLOCK_ROWS]
        rows = rows[~_is_dominated(points[rows], front)]
        dominates = (points[rows][None, :, :] <= points[rows][:, None, :]).all(axis=2)
        rows = rows[~np.tril(dominates, -1).any(axis=1)]  # dominating rows come first in this order
        kept[rows] = True
        front = np.vstack([front, points[rows]])
    return kept


def _is_dominated(points: Array, front: Array) -> NDArray[np.bool_]:
    """Return a mask of the points that a row of the front weakly dominates."""
    no_higher = np.ones((len(points), len(front)), dtype=bool)
    for column in range(points.shape[1]):
        no_higher &= front[None, :, column] <= points[:, None, column]
    return np.asarray(no_higher.any(axis=1))
