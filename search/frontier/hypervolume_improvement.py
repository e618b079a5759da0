"""Expected growth of the hypervolume by a network whose costs are known and whose error is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]

ROWS_AT_ONCE = 256
"""Points that are compared with one another in one go."""


def expected_improvement(level: Array, mean: Array, deviation: Array) -> Array:
    """Return E[max(0, level - X)] for X normal with this mean and deviation, element by element."""
    place = (level - mean) / deviation
    density = np.exp(-0.5 * place**2) / np.sqrt(2.0 * np.pi)
    return np.asarray(deviation * (place * ndtr(place) + density))


class Front:
    """The best error at every cost, as a staircase, below a ``reference`` (error, then each cost).

    ``errors`` (n) and ``costs`` (n x c) are of the points known; everything is minimised. Points beyond
    the reference count for nothing.
    """

    def __init__(self, errors: Array, costs: Array, reference: Array) -> None:
        self._reference = reference[1:]
        inside = (errors < reference[0]) & (costs < self._reference).all(axis=1)
        errors, costs = errors[inside], costs[inside]
        kept = nondominated(np.column_stack([errors, costs])) if len(errors) else np.zeros(0, dtype=bool)
        order = np.argsort(errors[kept], kind="stable")
        self._costs = costs[kept][order]
        self._levels = np.append(errors[kept][order], reference[0])
        self._below = [self._costs[:0]]  # for each layer the lowest costs of points below it
        for new in self._costs if len(self._reference) > 1 else ():
            below = self._below[-1]
            self._below.append(np.vstack([below[~(new <= below).all(axis=1)], new]))

    def expected_growth(self, costs: Array, mean: Array, deviation: Array) -> Array:
        """Return the expected growth of the hypervolume by each candidate alone.

        ``costs`` (m x c) are known, errors are normal with ``mean`` and ``deviation`` (m). Between two
        neighbouring errors of the front, a candidate gains the costs that it dominates and no point below
        does; how far it is expected to reach into that layer is a difference of two expected improvements.
        The sum over layers is exact.
        """
        gains = expected_improvement(self._levels[:, None], mean[None], deviation[None])
        heights = np.diff(gains, axis=0, prepend=0.0)
        if costs.shape[1] == 1:
            lowest = np.minimum.accumulate(np.append(self._reference[0], self._costs[:, 0]))
            volumes = np.maximum(0.0, lowest[:, None] - costs[None, :, 0])
            return np.asarray((volumes * heights).sum(axis=0))
        growth = np.zeros(len(costs))
        for below, height in zip(self._below, heights, strict=True):
            growth += height * free_volume(costs, below, self._reference)
        return growth


def free_volume(corners: Array, points: Array, reference: Array) -> Array:
    """Return how much of the box from each corner (m x c) to the reference no point (n x c) dominates.

    Points that others dominate cost time, and change nothing.
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
    """Return which rows no other row is at least as low as in every column; of equal rows the first."""
    order = np.lexsort(points.T[::-1])
    kept = np.zeros(len(points), dtype=bool)
    front = np.empty((0, points.shape[1]))
    for first in range(0, len(points), ROWS_AT_ONCE):
        rows = order[first : first + ROWS_AT_ONCE]
        rows = rows[~_is_beaten(points[rows], front)]
        among = (points[rows][None, :, :] <= points[rows][:, None, :]).all(axis=2)
        rows = rows[~np.tril(among, -1).any(axis=1)]  # rows that beat others come before them
        kept[rows] = True
        front = np.vstack([front, points[rows]])
    return kept


def _is_beaten(points: Array, front: Array) -> NDArray[np.bool_]:
    """Return which points a row of the front is at least as low as in every column."""
    no_higher = np.ones((len(points), len(front)), dtype=bool)
    for column in range(points.shape[1]):
        no_higher &= front[None, :, column] <= points[:, None, column]
    return np.asarray(no_higher.any(axis=1))
