"""The smallest and the largest networks of a search space by a count."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property

from space.core.errors import UnbuildableError
from space.domains import Domain, FloatRange, Point, Value
from space.enumeration import Enumeration, Structure
from space.limits import CountOf
from space.networks.counts import Counts

EXACT_UP_TO = 4_000
"""Largest number of points of a space that is counted completely."""
RANDOM_STARTS = 3
"""Random starts of the local search in a structure."""
MOST_ENDS = 4_000
"""Largest number of structures whose end points are counted. Of more structures, only the shallowest or deepest."""
LOCAL_SEARCHES = 8
"""Structures with the best end points, in which a local search follows."""


class Extremes:
    """Finds points of one space whose networks have the least or most of a count."""

    def __init__(self, enumeration: Enumeration) -> None:
        self._enumeration = enumeration

    @cached_property
    def _all(self) -> list[tuple[Point, Counts]] | None:
        """All points of a small non-monotone space with their counts; None for other spaces."""
        enumeration = self._enumeration
        is_monotone = all(enumeration.is_monotone(structure) for structure in enumeration.structures)
        if enumeration.size() > EXACT_UP_TO or is_monotone:
            return None
        found = []
        for point in self._enumeration.points():
            with suppress(UnbuildableError):
                found.append((point, self._enumeration.space.counts_of(point)))
        return found

    def points(self, count: CountOf, *, largest: bool = False) -> list[Point]:
        """Return points whose networks have the least (or most) of a count, the most extreme one first.

        The result is exact for monotone structures and in spaces of at most ``EXACT_UP_TO`` points. Elsewhere
        it is the best result of local searches over one hyperparameter at a time, in the ``LOCAL_SEARCHES``
        structures with the best end points.

        Raises:
            UnbuildableError: None of the networks can be built.
        """
        sign = -1 if largest else 1
        if self._all:
            ranked = heapq.nsmallest(LOCAL_SEARCHES, self._all, key=lambda pair: sign * count(pair[1]))
            return [point for point, _ in ranked]
        problems: list[UnbuildableError] = []

        def signed(point: Point) -> float:
            try:
                return sign * count(self._enumeration.space.counts_of(point))
            except UnbuildableError as error:
                problems.append(error)
                return math.inf

        ends = [
            (self._enumeration.end(structure, largest=largest), structure)
            for structure in self._likely(largest)
        ]
        nearest = heapq.nsmallest(LOCAL_SEARCHES, ends, key=lambda pair: signed(pair[0]))
        found = [
            end if self._enumeration.is_monotone(structure) else self._closest(end, structure, signed)
            for end, structure in nearest
        ]
        found.sort(key=signed)
        if math.isinf(signed(found[0])):
            raise problems[0]
        return found

    def _likely(self, largest: bool) -> list[Structure]:
        """Return the structures to examine: all, or of very many the shallowest (or deepest)."""
        if len(self._enumeration.structures) <= MOST_ENDS:
            return self._enumeration.structures
        levels = [int(structure.point.get("levels", 0)) for structure in self._enumeration.structures]
        depth = max(levels) if largest else min(levels)
        likely = [s for s, level in zip(self._enumeration.structures, levels, strict=True) if level == depth]
        return likely if len(likely) <= MOST_ENDS else random.Random(0).sample(likely, MOST_ENDS)

    def _closest(self, end: Point, structure: Structure, cost: Callable[[Point], float]) -> Point:
        """Return the best point of local searches from an end of the structure and from random points in it."""
        rng = random.Random(0)
        starts = [end]
        for _ in range(RANDOM_STARTS):
            drawn = {
                hyperparameter: domain.sample(rng)
                for hyperparameter, domain in structure.hyperparameters.items()
            }
            starts.append(structure.point | drawn)
        return min((_descend(start, structure.hyperparameters, cost) for start in starts), key=cost)


def _alternatives(domain: Domain, value: Value) -> list[Value]:
    """Return other values to try: all of at most 8, otherwise neighbours and ends."""
    if isinstance(domain, FloatRange):
        return [v for v in domain.values() if v != value]
    if domain.size <= 8:
        return [v for v in domain.values() if v != value]
    rank = domain.rank(value)
    ranks = {0, domain.size - 1} | {r for r in range(rank - 2, rank + 3) if 0 <= r < domain.size}
    return [domain.value_of_rank(r) for r in sorted(ranks - {rank})]


def _descend(point: Point, hyperparameters: dict[str, Domain], cost: Callable[[Point], float]) -> Point:
    """Return a point that no change of a single hyperparameter improves."""
    best, least = point, cost(point)
    improved = True
    while improved:
        improved = False
        for hyperparameter, domain in hyperparameters.items():
            for value in _alternatives(domain, best[hyperparameter]):
                other = best | {hyperparameter: value}
                if (found := cost(other)) < least:
                    best, least, improved = other, found, True
    return best
