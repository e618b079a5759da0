"""Which points a decision looks at: all of a small space, else random ones and those close to the front."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from search.frontier.hypervolume_improvement import nondominated
from search.frontier.observation import Tried
from search.frontier.points import Point, PointSource
from search.seeds import derive_seed

WHOLE_SPACE = 2_000
"""Points of a space that are all looked at for every decision."""
POOL, POOL_GROWTH, MOST_POOLED, LEAST_POOLED = 512, 16, 1_024, 640
"""Random points of a larger space that are looked at: at first, more with every trial, at most; and of very
many trials, when every point takes longer, at least."""
MANY = 500
"""Trials from which fewer points are looked at."""
NEIGHBOURS = 24
"""Points close to the front that are looked at besides."""


class Candidates:
    """The candidates of one study; random points are drawn once and looked at in every later decision."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._source: PointSource | None = None
        self._whole: list[Point] | None = None
        self._pool: list[Point] = []
        self._rng = random.Random(derive_seed(seed, 0, "pool"))

    @property
    def are_all(self) -> bool:
        """Whether the candidates found last were all points of the space."""
        return self._whole is not None

    def find(
        self,
        source: PointSource,
        tried: Sequence[Tried],
        rng: random.Random,
        references: Sequence[Tried] = (),
    ) -> list[Point]:
        """Return points that were not tried, in a fixed order; ``rng`` is that of one decision.

        Those close to the front are also close to ``references`` that would be on it.
        """
        keys = {one.point.key for one in tried}
        self._look_at(source)
        if self._whole is not None:
            return [point for point in self._whole if point.key not in keys]
        found = {point.key: point for point in self._random(source, len(tried))}
        front = _front([*tried, *references])
        for index in range(NEIGHBOURS if front else 0):
            near = source.neighbour(front[index % len(front)], rng)
            if near is not None:
                found.setdefault(near.key, near)
        return [point for key, point in found.items() if key not in keys]

    def _look_at(self, source: PointSource) -> None:
        """Begin anew with a source that was not seen before: trials may have shown more of a space."""
        if source is self._source:
            return
        few = source.few(WHOLE_SPACE)
        self._source, self._whole = source, None if few is None else list(few)
        self._pool, self._rng = [], random.Random(derive_seed(self._seed, 0, "pool"))

    def _random(self, source: PointSource, num_tried: int) -> list[Point]:
        size = min(MOST_POOLED, POOL + POOL_GROWTH * num_tried)
        size = max(LEAST_POOLED, size * MANY // max(MANY, num_tried))
        while len(self._pool) < size:
            point = source.draw(self._rng)
            if point is None:
                break
            self._pool.append(point)
        return self._pool[:size]


def _front(tried: Sequence[Tried]) -> list[Point]:
    """Return the points that no other beats by what was seen of them last, finished ones if there are any."""
    known = [one for one in tried if one.errors and one.costs is not None and one.state != "failed"]
    known = [one for one in known if one.state == "complete"] or known
    if not known:
        return []
    values = np.array([(one.errors[max(one.errors)], *(one.costs or ())) for one in known])
    return [one.point for one, kept in zip(known, nondominated(values), strict=True) if kept]
