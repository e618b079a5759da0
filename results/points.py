"""Points of objectives as arrays: what the analysis functions accept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from space.core.errors import InvalidInputError, shown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Points = NDArray[np.float64]
    """Points, ``n x d``: one row for each point, one column for each objective. All objectives are minimised."""

MAX_OBJECTIVES = 31
"""The largest number of objectives; a limit of moocore."""


def as_points(points: Any, num_objectives: int | None = None) -> Points:
    """Return points as an array of float64, n x d.

    Args:
        points: An array, a DataFrame with one column for each objective, or a sequence of rows. Missing values of
            a DataFrame become NaN.
        num_objectives: The number of columns that the points must have; None for any.

    Raises:
        InvalidInputError: The points are no table of numbers, or have another number of columns.
    """
    import numpy as np

    try:
        is_frame = hasattr(points, "to_numpy")
        array = points.to_numpy(dtype=float, na_value=np.nan) if is_frame else np.asarray(points, dtype=float)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"points need {num_objectives or 'equally many'} numbers each, but got {shown(_plain(points))}"
        ) from None
    if array.size == 0 and array.ndim <= 2:
        array = array.reshape(0, num_objectives or (array.shape[1] if array.ndim == 2 else 1))
    if array.ndim != 2:
        raise InvalidInputError(
            f"points must be a table, one row for each point, but got {array.ndim} dimensions"
        )
    if not 1 <= array.shape[1] <= MAX_OBJECTIVES:
        raise InvalidInputError(f"points need 1 to {MAX_OBJECTIVES} objectives, but got {array.shape[1]}")
    if num_objectives is not None and array.shape[1] != num_objectives:
        raise InvalidInputError(
            f"points need {num_objectives} numbers each, but got {shown(array[0].tolist() if len(array) else [])}"
        )
    return np.ascontiguousarray(array, dtype=np.float64)


def _plain(points: Any) -> Any:
    return points if isinstance(points, (list, tuple, str)) else type(points).__name__
