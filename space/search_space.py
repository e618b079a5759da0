"""A search space: which networks a study may try, and how a choice for every knob becomes a spec."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from space.counts import Counts, Size, as_size
from space.domains import Choice, Domain, FloatRange, Value
from space.drawing import STRUCTURE, Choose, draw_spec
from space.errors import InvalidInputError
from space.space_config import SpaceConfig
from space.spec import Spec

__all__ = ["Choose", "Point", "SearchSpace", "SpaceConfig"]

Point = dict[str, Value]
LIMITS = ("max_params", "max_macs", "max_activation_mib")
UNIFORM_DRAWS = 500
"""Points drawn before one beyond the limits is made smaller: a hundredth of the space is found like this."""
MIB = 2**20


class Skeleton(NamedTuple):
    """All points with the same choices of structure: those, and the knobs that are left, in order."""

    structure: Point
    knobs: dict[str, Domain]


class SearchSpace:
    """The networks of a ``SpaceConfig`` for images of one kind.

    A point of the space is a dictionary ``knob -> value`` with the knobs ``family, levels, ..., nu_1, c_u_1,
    c_f_1, ..., share_a, share_b, ..., train.lr, ...``. Knobs with a single value are not part of it,
    nor those that its network does not have. ``batch_size`` is for the limit on activation memory alone.

    Counts grow with every iteration and channel, and with ``iteration`` in place of ``level``. So among the
    networks of one structure that with every knob at its smallest value is the smallest by any count. Where
    widths also decide on something that comes or goes (groups, pooling between widths, sharing where shapes
    agree) this holds only roughly; such structures are searched instead.
    """

    def __init__(
        self,
        config: SpaceConfig,
        *,
        in_channels: int = 3,
        num_classes: int = 10,
        image_size: Size = 32,
        batch_size: int = 1,
    ) -> None:
        self.config = config
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.image_size = image_size
        self.batch_size = batch_size

    @property
    def hash(self) -> str:
        """Identity of the space, limits and image format included: 12 hexadecimal digits.

        What equals its default is left out, so a key that is added later, with a default that changes
        nothing, leaves the identities of old spaces as they are. Defaults must never change.
        """
        config = self.config.model_dump(mode="json", exclude_defaults=True)
        data = [config, self.in_channels, self.num_classes, as_size(self.image_size)]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    # -- points and specs ------------------------------------------------------------------------------

    def draw(self, choose: Choose) -> Spec:
        """Return the canonical spec made by asking ``choose(knob, domain)`` for every knob not fixed.

        Knobs are asked for in a fixed order, and each only if the network has it.
        """
        facts = {"in_channels": self.in_channels, "num_classes": self.num_classes}
        return draw_spec(self.config, facts, choose)

    def spec(self, point: Point) -> Spec:
        """Return the spec of a point; raises KeyError if a knob of it is missing."""
        return self.draw(lambda knob, _domain: point[knob])

    def training(self, point: Point) -> dict[str, Value]:
        """Return what a point says about its training: keys of the ``[train]`` section, with values."""
        return {
            key: domain.smallest if domain.size == 1 else point[f"train.{key}"]
            for key, domain in self.config.train.items()
        }

    def sample(self, rng: random.Random) -> Point:
        """Return a point with every knob drawn from its domain; limits are not looked at."""
        point: Point = {}

        def choose(knob: str, domain: Domain) -> Value:
            point[knob] = domain.sample(rng)
            return point[knob]

        self.draw(choose)
        return point

    def sample_feasible(self, rng: random.Random) -> Point | None:
        """Return a point within the limits, or None if none was found.

        Points are drawn as ``sample`` does until one is within the limits; after many in vain, one is made
        smaller until it is. So no share of feasible networks is too small, though the rarer they are,
        the more of them lie at the limits.
        """
        point: Point | None = None
        for _ in range(UNIFORM_DRAWS):
            point = self.sample(rng)
            if self.over_limit(self.spec(point)) is None:
                return point
        for _ in range(UNIFORM_DRAWS // 10):
            if (smaller := self.shrunk(self.sample(rng), rng)) is not None:
                return smaller
        return None

    def shrunk(self, point: Point, rng: random.Random) -> Point | None:
        """Return ``point`` within the limits, random knobs of it made smaller; None if that does not help."""
        point = dict(point)
        domains = self.knobs_of(point)
        while self.over_limit(self.spec(point)) is not None:
            larger = [
                knob
                for knob, domain in domains.items()
                if is_countable(knob) and domain.rank(point[knob]) > 0  # type: ignore[union-attr]
            ]
            if not larger:
                return None
            knob = rng.choice(larger)
            domain = domains[knob]
            assert not isinstance(domain, FloatRange)
            point[knob] = domain.value_of_rank(rng.randrange(domain.rank(point[knob])))
        return point

    def knobs_of(self, point: Point) -> dict[str, Domain]:
        """Return the knobs of a point's network that are not fixed, with their domains, in order."""
        found: dict[str, Domain] = {}

        def choose(knob: str, domain: Domain) -> Value:
            found[knob] = domain
            return point[knob]

        self.draw(choose)
        return found

    def knobs(self) -> dict[str, Domain]:
        """Return every knob of the space that is not fixed, with its domain."""
        found: dict[str, Domain] = {}
        for skeleton in self.skeletons:
            for point_knob, domain in self.knobs_of(self._end(skeleton, largest=False)).items():
                found.setdefault(point_knob, domain)
        return found

    # -- the whole space -------------------------------------------------------------------------------

    @cached_property
    def skeletons(self) -> list[Skeleton]:
        """Every structure of the space: few levels first, then in the order of the study file."""
        return list(self._grow({}))

    def _grow(self, structure: Point) -> Iterator[Skeleton]:
        """Yield the skeletons that agree with ``structure``, by branching at the next knob of structure."""
        asked: dict[str, Domain] = {}

        def choose(knob: str, domain: Domain) -> Value:
            asked[knob] = domain
            return structure.get(knob, domain.smallest)

        self.draw(choose)
        branching = [knob for knob in asked if knob not in structure and is_structure(knob)]
        if not branching:
            yield Skeleton(structure, {k: d for k, d in asked.items() if k not in structure})
            return
        knob = branching[0]
        values = sorted(asked[knob].values()) if knob == "levels" else asked[knob].values()
        for value in values:
            yield from self._grow(structure | {knob: value})

    def size(self) -> int | float:
        """Return the number of points, infinite where a knob is continuous.

        Networks with several spellings count as often.
        """
        return sum(
            math.prod(domain.size for domain in skeleton.knobs.values()) for skeleton in self.skeletons
        )

    def points(self) -> Iterator[Point]:
        """Yield every point once, in a fixed order, none of them made before it is asked for.

        Networks of few levels come first; then every knob climbs from its smallest value (``level`` before
        ``iteration``), and the last knob, in the order of ``draw``, changes fastest. For a continuous knob
        its two ends stand for all values.
        """
        for skeleton in self.skeletons:
            yield from _climb(self._end(skeleton, largest=False), list(skeleton.knobs.items()), None)

    def feasible_points(self) -> Iterator[Point]:
        """Yield, in the order of ``points``, every point whose network is within the limits.

        Where the remaining knobs at their smallest do not fit, nothing larger does: a branch without a
        feasible point is never entered, so the time is that of the points yielded, whatever the size of
        the space. (Structures of which this is not true are walked through.) Networks with several
        spellings come as often.
        """
        if not self.has_limits:
            yield from self.points()
            return
        for skeleton in self.skeletons:
            lowest = self._end(skeleton, largest=False)
            knobs = list(skeleton.knobs.items())
            if not self._is_monotone(skeleton):
                yield from filter(self._fits, _climb(lowest, knobs, None))
            elif self._fits(lowest):
                yield from _climb(lowest, knobs, self._fits)

    @property
    def has_limits(self) -> bool:
        """Whether the space has a limit on any count."""
        return any(getattr(self.config, limit) is not None for limit in LIMITS)

    def _fits(self, point: Point) -> bool:
        return self.over_limit(self.spec(point)) is None

    def _is_monotone(self, skeleton: Skeleton) -> bool:
        """Whether no count of this structure ever falls when a knob rises; see the class."""
        config, point = self.config, skeleton.structure

        def value(knob: str, domain: Choice | Any) -> Any:
            return point.get(knob, domain.smallest)

        family = value("family", config.family)
        if family in config.families or family not in ("mgnet", "resnet", "preact_resnet"):
            return False
        if value("groups_b", config.groups_b) != 1:
            return False
        if family != "mgnet" and config.stem_channels is not None:
            return False
        if value("levels", config.levels) == 1:
            return True
        shares = (*config.share_a.choices, *config.share_b.choices)
        changes = (value("interpolation", config.interpolation), value("restriction", config.restriction))
        return "network" not in shares and (family != "mgnet" or not {"pool", "depthwise"} & set(changes))

    def _end(self, skeleton: Skeleton, *, largest: bool) -> Point:
        """Return the point of a skeleton with every other knob at its smallest, or largest, value."""
        ends = {
            knob: domain.largest if largest else domain.smallest for knob, domain in skeleton.knobs.items()
        }
        return skeleton.structure | ends

    def counts(self, spec: Spec) -> Counts:
        """Return the counts of a network on the images of this space."""
        return spec.counts(self.image_size)

    def extreme(
        self, skeleton: Skeleton, count: Callable[[Counts], float], *, largest: bool = False
    ) -> Point:
        """Return the point of a skeleton whose network has the least (or most) of a count.

        Exact where counts grow with every knob; elsewhere a local search over one knob at a time.
        """
        best = self._end(skeleton, largest=largest)
        if self._is_monotone(skeleton):
            return best
        sign = -1 if largest else 1
        least = sign * count(self.counts(self.spec(best)))
        improved = True
        while improved:
            improved = False
            for knob, domain in skeleton.knobs.items():
                for value in _alternatives(domain, best[knob]):
                    other = best | {knob: value}
                    if (found := sign * count(self.counts(self.spec(other)))) < least:
                        best, least, improved = other, found, True
        return best

    @cached_property
    def _smallest_point(self) -> Point:
        points = [self.extreme(skeleton, _params) for skeleton in self.skeletons]
        return min(points, key=lambda point: self.spec(point).params)

    def smallest_point(self) -> Point:
        """Return the point whose network has the fewest parameters."""
        return dict(self._smallest_point)

    def params_range(self) -> tuple[int, int]:
        """Return the fewest parameters of a network and the most, or ``max_params`` if that is less."""
        low, high = self.params_extremes
        return low, min(high, self.config.max_params or high)

    @cached_property
    def params_extremes(self) -> tuple[int, int]:
        """The fewest and the most parameters of a network, the limits left aside."""
        return self._extremes(_params)

    @cached_property
    def macs_extremes(self) -> tuple[int, int]:
        """The fewest and the most MACs of a network, the limits left aside."""
        return self._extremes(_macs)

    def _extremes(self, count: Callable[[Counts], float]) -> tuple[int, int]:
        ends = []
        for largest in (False, True):
            points = [self.extreme(skeleton, count, largest=largest) for skeleton in self.skeletons]
            ends.append([int(count(self.counts(self.spec(point)))) for point in points])
        return min(ends[0]), max(ends[1])

    # -- limits ----------------------------------------------------------------------------------------

    def over_limit(self, spec: Spec) -> str | None:
        """Return why ``spec`` may not be tried, or None: a limit, its value and the spec's."""
        if not self.has_limits:
            return None
        config, counts = self.config, self.counts(spec)
        if config.max_params is not None and counts.params > config.max_params:
            return f"params {counts.params} > max_params {config.max_params}"
        if config.max_macs is not None and counts.macs > config.max_macs:
            return f"macs {counts.macs} > max_macs {config.max_macs}"
        if config.max_activation_mib is not None:
            mib = self.activation_mib(counts)
            if mib > config.max_activation_mib:
                return f"activation_mib {mib:.3f} > max_activation_mib {config.max_activation_mib}"
        return None

    def activation_mib(self, counts: Counts) -> float:
        """Return the activation memory of a training step of the space's batch size, in MiB."""
        return counts.activation_bytes * self.batch_size / MIB

    def check_feasible(self) -> None:
        """Raise InvalidInputError if no network of the space is within the limits."""
        if not self.has_limits:
            return
        per_limit: dict[str, Callable[[Counts], float]] = {
            "max_params": _params,
            "max_macs": _macs,
            "max_activation_mib": self.activation_mib,
        }
        given = {name: limit for name in LIMITS if (limit := getattr(self.config, name)) is not None}
        fewest: dict[str, float] = {}
        for name in given:
            points = [self.extreme(skeleton, per_limit[name]) for skeleton in self.skeletons]
            if any(self._fits(point) for point in points):
                return
            fewest[name] = min(per_limit[name](self.counts(self.spec(point))) for point in points)
        for name, limit in given.items():
            if fewest[name] > limit:
                raise InvalidInputError(
                    f"space.{name} = {limit}, but the smallest network of this space has "
                    f"{self._count_text(name, fewest[name])}"
                )
        rng = random.Random(0)
        if self.sample_feasible(rng) is None:
            both = " and ".join(f"space.{name} = {limit}" for name, limit in given.items())
            within = "both" if len(given) == 2 else "all"
            raise InvalidInputError(
                f"{both}, but no network of this space is within {within}: raise one of them"
            )

    def _count_text(self, name: str, count: float) -> str:
        height, width = as_size(self.image_size)
        images = f"images of {height} x {width}"
        if name == "max_params":
            return f"{count:.0f} parameters"
        if name == "max_macs":
            return f"{count:.0f} MACs on {images}"
        return f"{count:.3f} MiB of activations in a training step of {self.batch_size} {images}"


def is_structure(knob: str) -> bool:
    """Return whether a knob is one of structure: in ``STRUCTURE``, or an option of a smoother."""
    return knob in STRUCTURE or ("." in knob and not knob.startswith("train.") and _is_option(knob))


def _is_option(knob: str) -> bool:
    from space.smoothers import SMOOTHERS

    return knob.partition(".")[0] in SMOOTHERS


def is_countable(knob: str) -> bool:
    """Return whether making a knob smaller can make a network smaller."""
    return not is_structure(knob) and knob != "dropout" and not knob.startswith("train.")


def _params(counts: Counts) -> float:
    return counts.params


def _macs(counts: Counts) -> float:
    return counts.macs


def _alternatives(domain: Domain, value: Value) -> list[Value]:
    """Return other values of a knob to look at: all of a few, or neighbours and ends of many."""
    if isinstance(domain, FloatRange):
        return [v for v in domain.values() if v != value]
    if domain.size <= 8:
        return [v for v in domain.values() if v != value]
    rank = domain.rank(value)
    ranks = {0, domain.size - 1} | {r for r in range(rank - 2, rank + 3) if 0 <= r < domain.size}
    return [domain.value_of_rank(r) for r in sorted(ranks - {rank})]


def _climb(
    point: Point, knobs: list[tuple[str, Domain]], fits: Callable[[Point], bool] | None
) -> Iterator[Point]:
    """Yield every fitting point that differs from ``point`` in ``knobs`` only; None: every one fits.

    ``point`` fits and has them at their smallest; where a point does not fit, no larger one may.
    """
    if not knobs:
        yield dict(point)
        return
    knob, domain = knobs[0]
    if isinstance(domain, FloatRange):
        values: Iterator[Value] = iter(domain.values())
    else:
        values = (domain.value_of_rank(rank) for rank in range(domain.size))
    for place, value in enumerate(values):
        raised = point | {knob: value}
        if place and fits is not None and not fits(raised):
            return
        yield from _climb(raised, knobs[1:], fits)
