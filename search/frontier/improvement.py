"""Expected growth of the hypervolume by a network whose costs are known and whose error is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Array = NDArray[np.float64]


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
        self._top, self._reference = float(reference[0]), reference[1:]
        inside = (errors < self._top) & (costs < self._reference).all(axis=1)
        errors, costs = errors[inside], costs[inside]
        kept = nondominated(np.column_stack([errors, costs])) if len(errors) else np.zeros(0, dtype=bool)
        errors, costs = errors[kept], costs[kept]
        self._edges = [np.unique(costs[:, axis]) for axis in range(len(self._reference))]
        # best[i, j, ...]: the lowest error of points with costs below the cell after edge i, j, ...
        best = np.full([len(edges) + 1 for edges in self._edges], self._top)
        for error, cost in zip(errors, costs, strict=True):
            cell = tuple(
                slice(int(np.searchsorted(edges, c)) + 1, None)
                for edges, c in zip(self._edges, cost, strict=True)
            )
            best[cell] = np.minimum(best[cell], error)
        self._levels, place = np.unique(best, return_inverse=True)
        self._cells = (
            place.reshape(best.shape)[None] == np.arange(len(self._levels)).reshape(-1, *([1] * best.ndim))
        ).astype(np.float64)

    def expected_growth(self, costs: Array, mean: Array, deviation: Array) -> Array:
        """Return the expected growth of the hypervolume by each candidate alone.

        ``costs`` (m x c) are known, errors are normal with ``mean`` and ``deviation`` (m). Where the
        front has one level of error, the growth is that level's share of what the candidate's costs
        dominate, times the expected improvement on it; the sum over levels is exact.
        """
        last = costs.shape[1] - 1
        volumes = self._cells @ self._widths(last, costs[:, last]).T  # levels x cells of other axes x m
        for axis in reversed(range(last)):
            volumes = np.einsum("...im,mi->...m", volumes, self._widths(axis, costs[:, axis]))
        gains = expected_improvement(self._levels[:, None], mean[None], deviation[None])
        return np.asarray((volumes * gains).sum(axis=0))

    def _widths(self, axis: int, costs: Array) -> Array:
        """Return for each candidate (row) how much of each cell lies above its cost along one axis."""
        low = np.concatenate([[-np.inf], self._edges[axis]])
        high = np.concatenate([self._edges[axis], [self._reference[axis]]])
        return np.asarray(np.maximum(0.0, high[None] - np.maximum(low[None], costs[:, None])))


def nondominated(points: Array) -> NDArray[np.bool_]:
    """Return which rows no other row is at least as low as in every column; of equal rows the first."""
    order = np.lexsort(points.T[::-1])
    kept = np.zeros(len(points), dtype=bool)
    front: list[Array] = []
    best_second = np.inf
    for row in order:
        point = points[row]
        if points.shape[1] == 2:
            is_better = point[1] < best_second
            best_second = min(best_second, point[1])
        else:
            is_better = not any((other <= point).all() for other in front)
        if is_better:
            front.append(point)
            kept[row] = True
    return kept
