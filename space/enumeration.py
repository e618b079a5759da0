"""The enumeration of a search space: all points, and those within the limits."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import Any, NamedTuple, Protocol

from space.config import SpaceConfig
from space.decision_tree import draw_hyperparameters, is_structure
from space.domains import Choice, Domain, FloatRange, Point, Value
from space.networks.counts import Counts
from space.networks.families import BUILT_IN
from space.networks.spec import Spec


class CountedSpace(Protocol):
    """The part of a search space that an enumeration needs."""

    @property
    def config(self) -> SpaceConfig:
        """The hyperparameters and their domains."""
        ...

    @property
    def has_limits(self) -> bool:
        """Whether the space limits any count."""
        ...

    def spec(self, point: Point) -> Spec:
        """Return the network of a point."""
        ...

    def counts_of(self, point: Point) -> Counts:
        """Return the counts of the network of a point."""
        ...

    def is_feasible(self, point: Point) -> bool:
        """Return whether the network of a point can be built and meets the limits."""
        ...


class Structure(NamedTuple):
    """All points with the same structural choices.

    Attributes:
        point: The structural choices.
        choices: Domains of the structural hyperparameters.
        hyperparameters: Domains of all other hyperparameters.
    """

    point: Point
    choices: dict[str, Domain]
    hyperparameters: dict[str, Domain]


class Enumeration:
    """The points of one ``SearchSpace``, structure by structure.

    Within a monotone structure, no count falls when a hyperparameter rises: iterations, channels, ``level``
    to ``iteration``. Its point with every hyperparameter at the lowest value is then the smallest by any
    count. A structure is not monotone if widths also decide about groups, pooling between widths, or sharing
    among levels of equal shape.
    """

    def __init__(self, space: CountedSpace) -> None:
        self.space = space

    @cached_property
    def structures(self) -> list[Structure]:
        """All structures: family by family, few levels first, then in the order of the study file."""
        return list(self._grow({}))

    def _grow(self, chosen: Point) -> Iterator[Structure]:
        """Yield the structures that agree with ``chosen``, branching at the next structural hyperparameter."""
        asked: dict[str, Domain] = {}

        def choose(hyperparameter: str, domain: Domain) -> Value:
            asked[hyperparameter] = domain
            return chosen.get(hyperparameter, domain.smallest)

        draw_hyperparameters(self.space.config, choose)
        branching = [
            hyperparameter
            for hyperparameter in asked
            if hyperparameter not in chosen and is_structure(hyperparameter)
        ]
        if not branching:
            choices = {
                hyperparameter: domain for hyperparameter, domain in asked.items() if hyperparameter in chosen
            }
            yield Structure(chosen, choices, {k: d for k, d in asked.items() if k not in chosen})
            return
        hyperparameter = branching[0]
        values = (
            sorted(asked[hyperparameter].values())
            if hyperparameter == "levels"
            else asked[hyperparameter].values()
        )
        for value in values:
            yield from self._grow(chosen | {hyperparameter: value})

    def size(self) -> int | float:
        """Return the number of points, infinite with a continuous hyperparameter. A network with n points counts
        n times.
        """
        return sum(
            math.prod(domain.size for domain in structure.hyperparameters.values())
            for structure in self.structures
        )

    def sample(self, rng: random.Random) -> Point:
        """Return a uniformly drawn point of a finite space.

        A continuous hyperparameter is drawn from its range; it counts as one value.
        """
        structure = rng.choices(self.structures, cum_weights=self._shares)[0]
        return structure.point | {
            hyperparameter: _uniform(domain, rng)
            for hyperparameter, domain in structure.hyperparameters.items()
        }

    @cached_property
    def _shares(self) -> list[float]:
        """For each structure, the cumulative fraction of all points."""
        sizes = [
            math.prod(
                int(d.size) for d in structure.hyperparameters.values() if not isinstance(d, FloatRange)
            )
            for structure in self.structures
        ]
        total = sum(sizes)
        return [so_far / total for so_far in accumulate(sizes)]

    def points(self) -> Iterator[Point]:
        """Yield every point once, lazily and in a fixed order.

        Within a family, few levels come first. Then every hyperparameter ascends from its smallest value
        (``level`` before ``iteration``); the last one, in the order of ``draw``, changes fastest. Both ends
        represent a continuous hyperparameter.
        """
        for structure in self.structures:
            yield from _ascend(
                self.end(structure, largest=False), list(structure.hyperparameters.items()), None
            )

    def feasible_points(self, patience: int | None = None) -> Iterator[Point]:
        """Yield every feasible point, in the order of ``points``.

        A monotone structure is pruned: if a partial point with all other hyperparameters at their smallest is
        infeasible, so is everything above it. The time is thus proportional to the number of points yielded.
        Other structures are enumerated completely.

        Args:
            patience: Infeasible points in a row in non-monotone structures after which the enumeration ends;
                None for no end.
        """
        fits, in_vain = self.space.is_feasible, 0
        for structure in self.structures:
            lowest = self.end(structure, largest=False)
            hyperparameters = list(structure.hyperparameters.items())
            if self.is_monotone(structure):
                if not self.space.has_limits or fits(lowest):
                    yield from _ascend(lowest, hyperparameters, fits if self.space.has_limits else None)
                continue
            for point in _ascend(lowest, hyperparameters, None):
                if fits(point):
                    in_vain = 0
                    yield point
                elif patience is not None and (in_vain := in_vain + 1) > patience:
                    return

    def is_monotone(self, structure: Structure) -> bool:
        """Return whether no count of this structure falls when a hyperparameter rises; see the class."""
        config, point = self.space.config, structure.point

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

    def end(self, structure: Structure, *, largest: bool) -> Point:
        """Return the point of a structure with all other hyperparameters at their smallest, or largest, value."""
        ends = {
            hyperparameter: domain.largest if largest else domain.smallest
            for hyperparameter, domain in structure.hyperparameters.items()
        }
        return structure.point | ends


def _uniform(domain: Domain, rng: random.Random) -> Value:
    if isinstance(domain, FloatRange):
        return domain.sample(rng)
    return domain.value_of_rank(rng.randrange(int(domain.size)))


def _ascend(
    point: Point, hyperparameters: list[tuple[str, Domain]], fits: Callable[[Point], bool] | None
) -> Iterator[Point]:
    """Yield every feasible point that differs from ``point`` in ``hyperparameters`` only.

    Args:
        point: A feasible point with these hyperparameters at their smallest.
        hyperparameters: Names and domains.
        fits: Whether a point is feasible; if one is not, no larger one is. None: every point is.
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
        yield from _ascend(raised, hyperparameters[1:], fits)
