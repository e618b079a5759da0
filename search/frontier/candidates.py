"""The points that a decision compares: all points of a small space, else random ones and some near the front."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import numpy as np

from search.frontier.config import DEFAULTS, LocalSearch
from search.frontier.hypervolume_improvement import nondominated
from search.frontier.observation import Observation
from search.frontier.points import Point, PointSource
from search.study.seeds import derive_seed


class Candidates:
    """The candidates of one study. Random points are drawn once and remain candidates."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._source: PointSource | None = None
        self._all_points: list[Point] | None = None
        self._pool: list[Point] = []
        self._rng = random.Random(derive_seed(seed, 0, "pool"))

    @property
    def are_all(self) -> bool:
        """Whether the last candidates were all points of the space."""
        return self._all_points is not None

    @property
    def local_search(self) -> LocalSearch:
        """The effort of the local search among the last candidates."""
        costs = self._pool[0].costs if self._pool else None
        is_known = costs is not None and not any(map(math.isnan, costs))
        return DEFAULTS.local_search if is_known else DEFAULTS.local_search_learned_costs

    def find(
        self,
        source: PointSource,
        observations: Sequence[Observation],
        rng: random.Random,
        references: Sequence[Observation] = (),
    ) -> list[Point]:
        """Return points without an observation, in a fixed order.

        Args:
            source: The search space.
            observations: The trials of the study.
            rng: The generator of this decision.
            references: Further trainings; points near those on the front are candidates too.
        """
        keys = {one.point.key for one in observations}
        self._use(source)
        if self._all_points is not None:
            return [point for point in self._all_points if point.key not in keys]
        found = {point.key: point for point in self._random(source, len(observations))}
        front = _front([*observations, *references])
        for index in range(self.local_search.front_neighbours if front else 0):
            near = source.neighbour(front[index % len(front)], rng)
            if near is not None:
                found.setdefault(near.key, near)
        return [point for key, point in found.items() if key not in keys]

    def _use(self, source: PointSource) -> None:
        """Start over if the source is new: trials may have shown more of the space."""
        if source is self._source:
            return
        points = source.enumerate(DEFAULTS.max_enumerated)
        self._source, self._all_points = source, None if points is None else list(points)
        self._pool, self._rng = [], random.Random(derive_seed(self._seed, 0, "pool"))

    def _random(self, source: PointSource, num_trials: int) -> list[Point]:
        many = DEFAULTS.many_trials
        size = min(DEFAULTS.max_pool_size, DEFAULTS.pool_size + DEFAULTS.pool_growth * num_trials)
        size = max(DEFAULTS.min_pool_size, size * many // max(many, num_trials))
        while len(self._pool) < size:
            point = source.draw(self._rng)
            if point is None:
                break
            self._pool.append(point)
        return self._pool[:size]


def _front(observations: Sequence[Observation]) -> list[Point]:
    """Return the nondominated points by their last error; of complete trials if there are any."""
    known = [one for one in observations if one.errors and one.costs is not None and one.state != "failed"]
    known = [one for one in known if one.state == "complete"] or known
    if not known:
        return []
    values = np.array([(one.errors[max(one.errors)], *(one.costs or ())) for one in known])
    return [one.point for one, kept in zip(known, nondominated(values), strict=True) if kept]
