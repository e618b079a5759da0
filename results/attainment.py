"""Attainment surfaces: what a share of repeated searches reaches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from results.points import as_points
from space.core.errors import InvalidInputError, shown

if TYPE_CHECKING:
    from results.points import Points

QUARTILES = (0.25, 0.5, 0.75)
_ROUNDING = 1e-9


def attainment_surfaces(fronts: Iterable[Any], levels: Sequence[float] = QUARTILES) -> dict[float, Points]:
    """Return the attainment surfaces of repeated searches, for two or three objectives, all minimised.

    A front attains a point if one of its points is nowhere larger. The surface of level ``q`` bounds the region
    that at least ``ceil(q m)`` of ``m`` fronts attain: ``q = 0.5`` is the median surface, ``1 / m`` the best and 1
    the worst case (Grunert da Fonseca, Fonseca and Hall 2001). moocore computes them: 100,000 points in ten fronts
    take 0.1 s for two objectives and 1.9 s for three. moocore 0.3.2 does not free all memory: compute
    many large sets of three objectives in separate processes.

    Args:
        fronts: One array, DataFrame or list of rows for each search, n_i x d. Dominated points change nothing. A
            search without a result is an empty front; it attains nothing.
        levels: Shares of the fronts, above 0 and at most 1.

    Returns:
        For each level the points of its surface, n x d, in lexicographic order; n = 0 if too few fronts have points.

    Raises:
        InvalidInputError: There is no front, a value is NaN or infinite, a level is outside its range, the fronts
            have different numbers of objectives, or not two or three.

    Example:
        >>> fronts = [[(1, 3), (2, 1)], [(1, 4), (3, 1)], [(2, 2)]]
        >>> mgnas.attainment_surfaces(fronts, levels=[0.5])
        {0.5: array([[1., 4.], [2., 2.], [3., 1.]])}
    """
    import numpy as np

    arrays = [as_points(front) for front in fronts]
    filled = [array for array in arrays if len(array)]
    for level in levels:
        if not 0 < level <= 1:
            raise InvalidInputError(
                f"a level is a share of the fronts, above 0 and at most 1, but got {level}"
            )
    if not arrays:
        raise InvalidInputError("attainment surfaces need one or more fronts, but got none")
    if not filled:
        return {level: np.empty((0, 2)) for level in levels}
    num_objectives = _num_objectives(filled)
    counts = {level: max(1, math.ceil(level * len(arrays) - _ROUNDING)) for level in levels}
    found = _surfaces(filled, sorted({count for count in counts.values() if count <= len(filled)}))
    return {level: found.get(count, np.empty((0, num_objectives))) for level, count in counts.items()}


def _num_objectives(fronts: Sequence[Points]) -> int:
    """Return the number of objectives of fronts that have points, after checking them."""
    import numpy as np

    numbers = sorted({front.shape[1] for front in fronts})
    if len(numbers) > 1 or numbers[0] not in (2, 3):
        raise InvalidInputError(
            f"attainment surfaces need fronts of two or of three objectives, but got {shown(numbers)}"
        )
    for front in fronts:
        if not np.isfinite(front).all():
            bad = front[~np.isfinite(front).all(axis=1)][0].tolist()
            raise InvalidInputError(f"attainment surfaces need finite values, but got {bad}")
    return int(numbers[0])


def _surfaces(fronts: Sequence[Points], counts: Sequence[int]) -> dict[int, Points]:
    """Return, for each of some ascending counts, the surface of the region that so many of the fronts attain."""
    import moocore
    import numpy as np

    if not counts:
        return {}
    points = np.concatenate(fronts)
    sets = np.repeat(np.arange(len(fronts)), [len(front) for front in fronts])
    percentiles = [100.0 * count / len(fronts) for count in counts]
    # one call for all levels: most of its time does not depend on their number
    found = moocore.eaf(points, sets, percentiles=percentiles)
    ends = np.searchsorted(found[:, -1], np.array(percentiles) + _ROUNDING)
    surfaces = np.split(found[:, :-1], ends[:-1])
    return {
        count: surface[np.lexsort(surface.T[::-1])] for count, surface in zip(counts, surfaces, strict=True)
    }
