"""Walking through a search space: every point, those within the limits, its smallest and largest networks."""

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


class Structure(NamedTuple):
    """All points with the same choices of structure: those, their domains, and the hyperparameters that are left."""

    point: Point
    choices: dict[str, Domain]
    hyperparameters: dict[str, Domain]


class Enumeration:
    """The points of one ``SearchSpace``, structure by structure.

    Counts grow with every iteration and channel, and with ``iteration`` in place of ``level``. So among the
    networks of one structure that with every hyperparameter at its smallest value is the smallest by any count. Where
    widths also decide on something that comes or goes (groups, pooling between widths, sharing where shapes
    agree) this holds only roughly; such structures are searched instead.
    """

    def __init__(self, space: CountedSpace) -> None:
        self.space = space

    @cached_property
    def structures(self) -> list[Structure]:
        """Every structure: family by family, few levels first, then as the study file has it."""
        return list(self._grow({}))

    def _grow(self, chosen: Point) -> Iterator[Structure]:
        """Yield the structures that agree with ``chosen``, by branching at the next hyperparameter of structure."""
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
        """Return the number of points, infinite where a hyperparameter is continuous.

        Networks with several spellings count as often.
        """
        return sum(
            math.prod(domain.size for domain in structure.hyperparameters.values())
            for structure in self.structures
        )

    def sample(self, rng: random.Random) -> Point:
        """Return a point; every one of a finite space is as likely as any other.

        A continuous hyperparameter is drawn from its range, and counts as one value.
        """
        structure = rng.choices(self.structures, cum_weights=self._shares)[0]
        return structure.point | {
            hyperparameter: _uniform(domain, rng)
            for hyperparameter, domain in structure.hyperparameters.items()
        }

    @cached_property
    def _shares(self) -> list[float]:
        """For each structure the share of all points that lie in it or before it."""
        sizes = [
            math.prod(
                int(d.size) for d in structure.hyperparameters.values() if not isinstance(d, FloatRange)
            )
            for structure in self.structures
        ]
        total = sum(sizes)
        return [so_far / total for so_far in accumulate(sizes)]

    def points(self) -> Iterator[Point]:
        """Yield every point once, in a fixed order, none of them made before it is asked for.

        Of a family, networks of few levels come first; then every hyperparameter climbs from its smallest value
        (``level`` before ``iteration``), and the last hyperparameter, in the order of ``draw``, changes fastest. For a
        continuous hyperparameter its two ends stand for all values.
        """
        for structure in self.structures:
            yield from _ascend(
                self.end(structure, largest=False), list(structure.hyperparameters.items()), None
            )

    def feasible_points(self, patience: int | None = None) -> Iterator[Point]:
        """Yield, in the order of ``points``, every point whose network can be built and is within the limits.

        Where the remaining hyperparameters at their smallest do not fit, nothing larger does: a branch without a
        feasible point is never entered, so the time is that of the points yielded, whatever the size of
        the space. Structures of which this is not true are walked through; after ``patience`` of their
        points in vain, one after the other, nothing more is yielded. Networks with several spellings come
        as often.
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
        """Whether no count of this structure ever falls when a hyperparameter rises; see the class."""
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
        """Return the point of a structure with every other hyperparameter at its smallest, or largest, value."""
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
        yield from _ascend(raised, hyperparameters[1:], fits)
