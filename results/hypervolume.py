"""Quality of a set of points: the exact hypervolume, for any number of objectives, all minimised."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Point = Sequence[float]


def hypervolume(points: Iterable[Point], reference: Point) -> float:
    """Return the volume that ``points`` dominate, bounded by ``reference``. All objectives are minimised.

    Points that are not below the reference in every objective add nothing. Two objectives take O(n log n);
    each further objective multiplies this by at most n.

    Args:
        points: Points, one number for each objective.
        reference: The reference point.

    Raises:
        ValueError: A point has the wrong number of objectives, or a NaN.

    Example:
        >>> mgnas.hypervolume([(0.2, 0.5), (0.4, 0.1)], (1.0, 1.0))
        0.64
    """
    inside = []
    for point in points:
        if len(point) != len(reference) or any(value != value for value in point):
            raise ValueError(f"points need {len(reference)} numbers, but got {list(point)}")
        if all(value < bound for value, bound in zip(point, reference, strict=True)):
            inside.append(tuple(point))
    return _dominated(inside, tuple(reference))


def _dominated(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    if not points:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(point[0] for point in points)
    if len(reference) == 2:
        return _dominated_area(points, reference)
    volume = 0.0
    points = sorted(points, key=lambda point: point[-1])
    for count, point in enumerate(points, start=1):
        top = points[count][-1] if count < len(points) else reference[-1]
        if top > point[-1]:
            slab = [other[:-1] for other in points[:count]]
            volume += (top - point[-1]) * _dominated(slab, reference[:-1])
    return volume


def _dominated_area(points: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    area, lowest = 0.0, reference[1]
    for x, y in sorted(points):
        if y < lowest:
            area += (reference[0] - x) * (lowest - y)
            lowest = y
    return area
