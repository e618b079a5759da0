"""The points of a ``SearchSpace`` for the frontier engine: networks, whose costs are counted exactly."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property

from optuna.distributions import BaseDistribution

from search.frontier import points
from search.frontier.models.transferred_prior import EarlierStudy
from search.samplers.encoding import distribution_of, encode
from space.counts import Counts
from space.domains import Domain, FloatRange, Value
from space.drawing import draw_knobs
from space.search_space import Point, SearchSpace
from space.spec import Spec

TRIES = 8
"""Changes of a network that are made to find a neighbour within the limits."""


class NetworkPoints:
    """What the engine may try: networks within the limits, each under its identity.

    ``costs`` returns the exact objectives of a network, all to be minimised; an ``earlier`` study hints
    at its error.
    """

    def __init__(
        self,
        space: SearchSpace,
        identity: Callable[[str, dict[str, Value]], Hashable],
        costs: Callable[[Counts], tuple[float, ...]],
        earlier: EarlierStudy | None = None,
    ) -> None:
        self._space = space
        self._identity = identity
        self._costs = costs
        self._earlier = earlier if earlier is not None and earlier.knows_something else None
        self._found: dict[Hashable, points.Point | None] = {}
        self._knobs: dict[Hashable, Point] = {}
        self._domains: dict[Hashable, dict[str, Domain]] = {}

    @cached_property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """Every knob of the space as a parameter."""
        return {knob: distribution_of(domain) for knob, domain in self._space.knobs().items()}

    @cached_property
    def optional(self) -> Sequence[str]:
        """The knobs that only some networks have."""
        skeletons = self._space.walk.skeletons
        every = [set(skeleton.choices) | set(skeleton.knobs) for skeleton in skeletons]
        return [knob for knob in self.distributions if not all(knob in knobs for knobs in every)]

    def knobs(self, point: points.Point) -> Point:
        """Return the point of the space behind one of the engine's."""
        return dict(self._knobs[points.params_key(point.params)])

    def point(self, knobs: Point, domains: dict[str, Domain] | None = None) -> points.Point | None:
        """Return a point of the space as the engine takes it; None if it is beyond the limits.

        ``domains`` are those of its knobs, where they are at hand.
        """
        domains = domains or self._space.knobs_of(knobs)
        params = {knob: encode(domain, knobs[knob]) for knob, domain in domains.items()}
        key = points.params_key(params)
        if key not in self._found:
            spec = self._space.feasible_spec(knobs)
            self._found[key] = None if spec is None else self._of_spec(spec, knobs, params)
            self._knobs[key], self._domains[key] = dict(knobs), domains
        return self._found[key]

    def located(self, spec: Spec, training: Mapping[str, Value]) -> points.Point | None:
        """Return the point of a network that is trained so, also beyond the limits; None if it has none."""
        knobs = self._space.locate(spec, training)
        if knobs is None:
            return None
        domains = self._space.knobs_of(knobs)
        params = {knob: encode(domain, knobs[knob]) for knob, domain in domains.items()}
        key = points.params_key(params)
        self._knobs[key], self._domains[key] = knobs, domains
        return self._of_spec(self._space.spec(knobs), knobs, params)

    def _of_spec(self, spec: Spec, knobs: Point, params: points.Params) -> points.Point:
        counts = self._space.counts(spec)
        return points.Point(
            params,
            {knob: self.distributions[knob] for knob in params},
            self._identity(spec.arch, self._space.training(knobs)),
            self._costs(counts),
            float(counts.macs),
            None if self._earlier is None else self._earlier.expectation(spec, counts),
        )

    def few(self, most: int) -> Sequence[points.Point] | None:
        """Return every network within the limits if the space has at most ``most`` points, else None."""
        if self._space.size() > most:
            return None
        found: dict[Hashable, points.Point] = {}
        for knobs in self._space.points():
            if (point := self.point(knobs)) is not None:
                found.setdefault(point.key, point)
        return list(found.values())

    def draw(self, rng: random.Random) -> points.Point | None:
        """Return a random network within the limits."""
        knobs = self._space.sample_feasible(rng)
        return None if knobs is None else self.point(knobs)

    def neighbour(self, point: points.Point, rng: random.Random) -> points.Point | None:
        """Return a network that differs in one knob, or two or three, made smaller if that is needed."""
        for _ in range(TRIES):
            changed, domains = self._changed(point, rng)
            if (near := self.point(changed, domains)) is not None:
                return near
            smaller = self._space.shrunk(changed, rng)
            if smaller is not None and (near := self.point(smaller)) is not None:
                return near
        return None

    def _changed(self, point: points.Point, rng: random.Random) -> tuple[Point, dict[str, Domain]]:
        """Return knobs that differ in one or a few from a point's, with their domains."""
        key = points.params_key(point.params)
        knobs, domains = self._knobs[key], self._domains[key]
        chosen = rng.sample(list(domains), min(len(domains), rng.choice((1, 1, 2, 3))))
        changed = {knob: _near(domains[knob], knobs[knob], rng) for knob in chosen}
        known = {**knobs, **changed}
        complete: Point = {}
        of_complete: dict[str, Domain] = {}

        def choose(knob: str, domain: Domain) -> Value:
            complete[knob] = known[knob] if knob in known else domain.sample(rng)
            of_complete[knob] = domain
            return complete[knob]

        draw_knobs(self._space.config, choose)
        return complete, of_complete


def _near(domain: Domain, value: Value, rng: random.Random) -> Value:
    """Return another value of a knob, of a number most often a close one."""
    if isinstance(domain, FloatRange) or domain.size == 1:
        distribution = distribution_of(domain)
        return points.near(distribution, value, rng) if isinstance(domain, FloatRange) else value
    rank = domain.rank(value)
    if not domain.is_ordered or domain.size == 2:
        others = (
            [r for r in range(domain.size) if r != rank]
            if domain.size <= 64
            else [rng.randrange(domain.size)]
        )
        return domain.value_of_rank(rng.choice(others))
    far = max(1, round(abs(rng.gauss(0.0, rng.choice((1.0, domain.size / 8, domain.size / 3))))))
    moved = rank + far if rng.random() < 0.5 else rank - far
    if not 0 <= moved < domain.size:
        moved = 2 * rank - moved
    return domain.value_of_rank(min(domain.size - 1, max(0, moved)))
