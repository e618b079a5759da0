"""Quality of a set of points: the exact hypervolume, for any number of objectives, all minimised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from results.points import as_points
from space.core.errors import InvalidInputError, shown

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from results.points import Points

Point = Sequence[float]


def hypervolume(points: Iterable[Point] | Points | pd.DataFrame, reference: Point | NDArray[Any]) -> float:
    """Return the volume that ``points`` dominate, bounded by ``reference``. All objectives are minimised.

    Points that are not below the reference in every objective add nothing, so +inf adds nothing. The volume is
    infinite if a point inside, or the reference, has an infinite coordinate. Duplicates and the order of the
    points do not matter.

    moocore computes it: 100,000 points of two or three objectives take 0.05 s, 10,000 points of four 0.04 s, 1,000
    points of six 1.2 s.

    Args:
        points: n x d, one number for each objective: an array, a DataFrame or rows.
        reference: The reference point, d numbers.

    Raises:
        InvalidInputError: A point has the wrong number of objectives, or a NaN.

    Example:
        >>> mgnas.hypervolume([(0.2, 0.5), (0.4, 0.1)], (1.0, 1.0))
        0.64
    """
    import numpy as np

    bound = np.asarray(reference, dtype=float)
    if bound.ndim != 1 or not len(bound) or np.isnan(bound).any():
        raise InvalidInputError(
            f"the reference needs one number for each objective, but got {shown(reference)}"
        )
    array = as_points(points if hasattr(points, "__len__") else list(points), len(bound))
    if (is_nan := np.isnan(array).any(axis=1)).any():
        bad = array[is_nan][0].tolist()
        raise InvalidInputError(f"points need {len(bound)} numbers each, but got {bad}")
    inside = array[(array < bound).all(axis=1)]
    if not len(inside):
        return 0.0
    if not (np.isfinite(inside).all() and np.isfinite(bound).all()):
        return float("inf")
    if len(bound) == 1:
        return float(bound[0] - inside.min())
    import moocore

    return float(moocore.hypervolume(inside, ref=bound))
