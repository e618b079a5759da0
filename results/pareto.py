"""The Pareto front of points, and its knee, for any number of objectives, all minimised.

These functions take arrays and DataFrames. ``results.front`` has the front of the trials of a study.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from results.points import as_points

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from results.points import Points


_ON_THE_LINE = 1e-9


def is_nondominated(points: ArrayLike | pd.DataFrame, *, keep_duplicates: bool = False) -> NDArray[np.bool_]:
    """Return which points are on the Pareto front. All objectives are minimised.

    A point dominates another if it is nowhere larger and somewhere smaller. Of equal points, the first one is on
    the front. A point with a NaN is not on the front and dominates no other. Infinite values are compared like
    numbers. moocore computes it: 100,000 points of two or three objectives take 0.05 s, 10,000 points of four
    0.02 s.

    Args:
        points: n x d, one column for each objective. Use ``1 - accuracy`` for the accuracy.
        keep_duplicates: Whether all of several equal points are on the front.

    Returns:
        n values, whether each point is on the front.

    Raises:
        InvalidInputError: The points are no table of numbers.

    Example:
        >>> mgnas.is_nondominated([(0.2, 0.5), (0.4, 0.1), (0.4, 0.6)])
        array([ True,  True, False])
        >>> trials = study.trials()
        >>> objectives = trials[["params", "latency_ms"]].assign(error=1 - trials["val_accuracy"])
        >>> trials[mgnas.is_nondominated(objectives)]
    """
    import moocore
    import numpy as np

    array = as_points(points)
    on_front = np.zeros(len(array), dtype=bool)
    known = ~np.isnan(array).any(axis=1)
    on_front[known] = moocore.is_nondominated(_finite(array[known]), keep_weakly=keep_duplicates)
    return on_front


def _finite(points: Points) -> Points:
    """Return finite points with the same order in each objective: moocore 0.3.2 crashes on infinite values."""
    import numpy as np

    if np.isfinite(points).all():
        return points
    places = [np.unique(column, return_inverse=True)[1] for column in points.T]
    return np.column_stack(places).astype(np.float64)


def knee_point(points: ArrayLike | pd.DataFrame) -> int | None:
    """Return the index of the knee of the Pareto front of points; None if it has no knee.

    The objectives of the front are scaled to [0, 1]: ``z = (x - min) / (max - min)``. The knee is the point with
    the lowest ``sum(z)``. With two objectives, this is the point farthest below the chord between the ends of the
    front (Das 1999, "On characterizing the knee of the Pareto curve"). The knee has a lower sum than each point
    that is the best in one objective; a front of fewer than three points, or a convex one that bends away from the
    origin, has none. Dominated points, points with a NaN and points with an infinite coordinate are ignored.

    Take the logarithm of costs that span several magnitudes. ``study.knee`` is the knee of a study; it also
    ignores networks near chance.

    Args:
        points: n x d, one column for each objective, all minimised.

    Returns:
        A row of ``points``, from 0. Of equal sums, the first one.

    Raises:
        InvalidInputError: The points are no table of numbers.

    Example:
        >>> mgnas.knee_point([(0.0, 1.0), (0.2, 0.2), (1.0, 0.0)])
        1
    """
    import numpy as np

    array = as_points(points)
    rows = np.flatnonzero(np.isfinite(array).all(axis=1))
    rows = rows[is_nondominated(array[rows])]
    if len(rows) < 3:
        return None
    front = array[rows]
    low = front.min(axis=0)
    scaled: NDArray[Any] = (front - low) / np.maximum(front.max(axis=0) - low, np.finfo(float).tiny)
    sums = scaled.sum(axis=1)
    is_end = (scaled == 0.0).any(axis=1)
    lowest = int(np.argmin(sums))
    return int(rows[lowest]) if sums[lowest] < sums[is_end].min() - _ON_THE_LINE else None
