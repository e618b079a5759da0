"""Walking through a search space: every point, those within the limits, its smallest and largest networks."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

from space.config import SpaceConfig
from space.core.errors import UnbuildableError
from space.decision_tree import draw_hyperparameters, is_structure
from space.domains import Choice, Domain, FloatRange, Point, Value
from space.networks.counts import Counts
from space.networks.families import BUILT_IN
from space.networks.spec import Spec

EXACT_UP_TO = 4_000
"""Points of a space that are all looked at where that is the only way to know."""
RANDOM_STARTS = 3
MOST_ENDS = 4_000
"""Structures of which both ends are looked at; of more, only the shallowest or deepest."""
LOCAL_SEARCHES = 8
"""Structures in which the smallest or largest network is searched for closely."""
CountOf = Callable[[Counts], float]


class CountedSpace(Protocol):
    """What an enumeration needs of a search space."""

    @property
    def config(self) -> SpaceConfig:
        """The hyperparameters and their domains."""
        ...

    @property
    def has_limits(self) -> bool:
        """Whether some networks may be too large."""
        ...

    def spec(self, point: Point) -> Spec:
        """Return the network of a point."""
        ...

    def counts(self, spec: Spec) -> Counts:
        """Return the counts of a network."""
        ...

    def is_feasible(self, point: Point) -> bool:
        """Return whether a point is within the limits."""
        ...


class Skeleton(NamedTuple):
    """All points with the same choices of structure: those, their domains, and the hyperparameters that are left."""

    structure: Point
    choices: dict[str, Domain]
    hyperparameters: dict[str, Domain]


class Walk:
    """The points of one ``SearchSpace``, structure by structure.

    Counts grow with every iteration and channel, and with ``iteration`` in place of ``level``. So among the
    networks of one structure that with every hyperparameter at its smallest value is the smallest by any count. Where
    widths also decide on something that comes or goes (groups, pooling between widths, sharing where shapes
    agree) this holds only roughly; such structures are searched instead.
    """

    def __init__(self, space: CountedSpace) -> None:
        self.space = space

    @cached_property
    def skeletons(self) -> list[Skeleton]:
        """Every structure: family by family, few levels first, then as the study file has it."""
        return list(self._grow({}))

    def _grow(self, structure: Point) -> Iterator[Skeleton]:
        """Yield the skeletons that agree with ``structure``, by branching at the next hyperparameter of structure."""
        asked: dict[str, Domain] = {}

        def choose(hyperparameter: str, domain: Domain) -> Value:
            asked[hyperparameter] = domain
            return structure.get(hyperparameter, domain.smallest)

        draw_hyperparameters(self.space.config, choose)
        branching = [
            hyperparameter
            for hyperparameter in asked
            if hyperparameter not in structure and is_structure(hyperparameter)
        ]
        if not branching:
            chosen = {
                hyperparameter: domain
                for hyperparameter, domain in asked.items()
                if hyperparameter in structure
            }
            yield Skeleton(structure, chosen, {k: d for k, d in asked.items() if k not in structure})
            return
        hyperparameter = branching[0]
        values = (
            sorted(asked[hyperparameter].values())
            if hyperparameter == "levels"
            else asked[hyperparameter].values()
        )
        for value in values:
            yield from self._grow(structure | {hyperparameter: value})

    def size(self) -> int | float:
        """Return the number of points, infinite where a hyperparameter is continuous.

        Networks with several spellings count as often.
        """
        return sum(
            math.prod(domain.size for domain in skeleton.hyperparameters.values())
            for skeleton in self.skeletons
        )

    def sample(self, rng: random.Random) -> Point:
        """Return a point; every one of a finite space is as likely as any other.

        A continuous hyperparameter is drawn from its range, and counts as one value.
        """
        skeleton = rng.choices(self.skeletons, cum_weights=self._shares)[0]
        return skeleton.structure | {
            hyperparameter: _uniform(domain, rng)
            for hyperparameter, domain in skeleton.hyperparameters.items()
        }

    @cached_property
    def _shares(self) -> list[float]:
        """For each skeleton the share of all points that lie in it or before it."""
        sizes = [
            math.prod(int(d.size) for d in skeleton.hyperparameters.values() if not isinstance(d, FloatRange))
            for skeleton in self.skeletons
        ]
        total = sum(sizes)
        return [so_far / total for so_far in accumulate(sizes)]

    def points(self) -> Iterator[Point]:
        """Yield every point once, in a fixed order, none of them made before it is asked for.

        Of a family, networks of few levels come first; then every hyperparameter climbs from its smallest value
        (``level`` before ``iteration``), and the last hyperparameter, in the order of ``draw``, changes fastest. For a
        continuous hyperparameter its two ends stand for all values.
        """
        for skeleton in self.skeletons:
            yield from _climb(self.end(skeleton, largest=False), list(skeleton.hyperparameters.items()), None)

    def feasible_points(self, patience: int | None = None) -> Iterator[Point]:
        """Yield, in the order of ``points``, every point whose network can be built and is within the limits.

        Where the remaining hyperparameters at their smallest do not fit, nothing larger does: a branch without a
        feasible point is never entered, so the time is that of the points yielded, whatever the size of
        the space. Structures of which this is not true are walked through; after ``patience`` of their
        points in vain, one after the other, nothing more is yielded. Networks with several spellings come
        as often.
        """
        fits, in_vain = self.space.is_feasible, 0
        for skeleton in self.skeletons:
            lowest = self.end(skeleton, largest=False)
            hyperparameters = list(skeleton.hyperparameters.items())
            if self._is_monotone(skeleton):
                if not self.space.has_limits or fits(lowest):
                    yield from _climb(lowest, hyperparameters, fits if self.space.has_limits else None)
                continue
            for point in _climb(lowest, hyperparameters, None):
                if fits(point):
                    in_vain = 0
                    yield point
                elif patience is not None and (in_vain := in_vain + 1) > patience:
                    return

    def _is_monotone(self, skeleton: Skeleton) -> bool:
        """Whether no count of this structure ever falls when a hyperparameter rises; see the class."""
        config, point = self.space.config, skeleton.structure

        def value(hyperparameter: str, domain: Choice | Any) -> Any:
            return point.get(hyperparameter, domain.smallest)

        family = value("family", config.family)
        if family not in {built_in.name for built_in in BUILT_IN}:
            return False
        if value("groups_b", config.groups_b) != 1:
            return False
        if config.max_activation_mib is not None and config.activation.size > 1:
            return False
        if family != "mgnet" and config.stem_channels is not None:
            return False
        if value("levels", config.levels) == 1:
            return True
        shares = (*config.share_a.choices, *config.share_b.choices)
        changes = (value("interpolation", config.interpolation), value("restriction", config.restriction))
        return "network" not in shares and (family != "mgnet" or not {"pool", "depthwise"} & set(changes))

    def end(self, skeleton: Skeleton, *, largest: bool) -> Point:
        """Return the point of a skeleton with every other hyperparameter at its smallest, or largest, value."""
        ends = {
            hyperparameter: domain.largest if largest else domain.smallest
            for hyperparameter, domain in skeleton.hyperparameters.items()
        }
        return skeleton.structure | ends

    @cached_property
    def _all(self) -> list[tuple[Point, Counts]] | None:
        """Every point of a small space that is not monotone, with its counts; None for other spaces."""
        if self.size() > EXACT_UP_TO or all(self._is_monotone(skeleton) for skeleton in self.skeletons):
            return None
        found = []
        for point in self.points():
            with suppress(UnbuildableError):
                found.append((point, self.space.counts(self.space.spec(point))))
        return found

    def extremes(self, count: CountOf, *, largest: bool = False) -> list[Point]:
        """Return points whose networks have the least (or most) of a count, the most extreme one first.

        Exact where counts grow with every hyperparameter, and in spaces of at most ``EXACT_UP_TO`` points. Elsewhere
        each is the best that local searches over one hyperparameter at a time have found in its structure, in the
        ``LOCAL_SEARCHES`` structures with the best ends.

        Raises:
            UnbuildableError: no network that was looked at can be built.
        """
        sign = -1 if largest else 1
        if self._all:
            ranked = heapq.nsmallest(LOCAL_SEARCHES, self._all, key=lambda pair: sign * count(pair[1]))
            return [point for point, _ in ranked]
        problems: list[UnbuildableError] = []

        def signed(point: Point) -> float:
            try:
                return sign * count(self.space.counts(self.space.spec(point)))
            except UnbuildableError as error:
                problems.append(error)
                return math.inf

        ends = [(self.end(skeleton, largest=largest), skeleton) for skeleton in self._likely(largest)]
        nearest = heapq.nsmallest(LOCAL_SEARCHES, ends, key=lambda pair: signed(pair[0]))
        found = [
            end if self._is_monotone(skeleton) else self._closest(end, skeleton, signed)
            for end, skeleton in nearest
        ]
        found.sort(key=signed)
        if math.isinf(signed(found[0])):
            raise problems[0]
        return found

    def _likely(self, largest: bool) -> list[Skeleton]:
        """Return the skeletons that may hold the smallest (largest) network: of many, the shallow (deep)."""
        if len(self.skeletons) <= MOST_ENDS:
            return self.skeletons
        levels = [int(skeleton.structure.get("levels", 0)) for skeleton in self.skeletons]
        depth = max(levels) if largest else min(levels)
        likely = [s for s, level in zip(self.skeletons, levels, strict=True) if level == depth]
        return likely if len(likely) <= MOST_ENDS else random.Random(0).sample(likely, MOST_ENDS)

    def _closest(self, end: Point, skeleton: Skeleton, cost: Callable[[Point], float]) -> Point:
        """Return the best point that local searches reach from one end of a skeleton and from within it."""
        rng = random.Random(0)
        starts = [end]
        for _ in range(RANDOM_STARTS):
            drawn = {
                hyperparameter: domain.sample(rng)
                for hyperparameter, domain in skeleton.hyperparameters.items()
            }
            starts.append(skeleton.structure | drawn)
        return min((_descend(start, skeleton.hyperparameters, cost) for start in starts), key=cost)


def _uniform(domain: Domain, rng: random.Random) -> Value:
    if isinstance(domain, FloatRange):
        return domain.sample(rng)
    return domain.value_of_rank(rng.randrange(int(domain.size)))


def _alternatives(domain: Domain, value: Value) -> list[Value]:
    """Return other values of a hyperparameter to look at: all of a few, or neighbours and ends of many."""
    if isinstance(domain, FloatRange):
        return [v for v in domain.values() if v != value]
    if domain.size <= 8:
        return [v for v in domain.values() if v != value]
    rank = domain.rank(value)
    ranks = {0, domain.size - 1} | {r for r in range(rank - 2, rank + 3) if 0 <= r < domain.size}
    return [domain.value_of_rank(r) for r in sorted(ranks - {rank})]


def _descend(point: Point, hyperparameters: dict[str, Domain], cost: Callable[[Point], float]) -> Point:
    """Return a point from which no change of one of ``hyperparameters`` leads to a lower cost."""
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


def _climb(
    point: Point, hyperparameters: list[tuple[str, Domain]], fits: Callable[[Point], bool] | None
) -> Iterator[Point]:
    """Yield every fitting point that differs from ``point`` in ``hyperparameters`` only; None: every one fits.

    ``point`` fits and has them at their smallest; where a point does not fit, no larger one may.
    """
    if not hyperparameters:
        yield dict(point)
        return
    hyperparameter, domain = hyperparameters[0]
    if isinstance(domain, FloatRange):
        values: Iterator[Value] = iter(domain.values())
    else:
        values = (domain.value_of_rank(rank) for rank in range(domain.size))
    for place, value in enumerate(values):
        raised = point | {hyperparameter: value}
        if place and fits is not None and not fits(raised):
            return
        yield from _climb(raised, hyperparameters[1:], fits)
