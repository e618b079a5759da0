"""The points of a ``SearchSpace`` for the frontier engine; a ``PointSource``."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution

from search.frontier.models.transferred_prior import TransferredPrior
from search.frontier.optuna.encoding import Encoding, near
from search.frontier.points import Array, Params, Point, params_key
from search.samplers.encoding import distribution_of, encode
from space.decision_tree import draw_hyperparameters
from space.domains import Domain, FloatRange, Value
from space.networks.counts import Counts
from space.networks.spec import Spec
from space.search_space import Point as Hyperparameters
from space.search_space import SearchSpace

MAX_TRIES = 8
"""Changes of a network tried until one is within the limits."""


class NetworkPoints:
    """Networks within the limits, keyed by identity, with exact costs.

    Args:
        space: The search space.
        identity: Returns the identity of an architecture and the keys of the recipe that the point sets.
        costs: Returns the costs of a network, NaN for measured ones. All are minimised.
        prior: Predicts errors from an earlier study.
    """

    def __init__(
        self,
        space: SearchSpace,
        identity: Callable[[str, dict[str, Value]], Hashable],
        costs: Callable[[Counts], tuple[float, ...]],
        prior: TransferredPrior | None = None,
    ) -> None:
        self._space = space
        self._identity = identity
        self._costs = costs
        self._prior = prior if prior is not None and prior.is_informative else None
        self._points: dict[Hashable, Point | None] = {}
        self._hyperparameters: dict[Hashable, Hyperparameters] = {}
        self._domains: dict[Hashable, dict[str, Domain]] = {}

    @cached_property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """The distribution of every parameter of the space."""
        return {
            hyperparameter: distribution_of(domain)
            for hyperparameter, domain in self._space.hyperparameters().items()
        }

    @cached_property
    def _encoding(self) -> Encoding:
        structures = self._space.enumeration.structures
        every = [set(structure.choices) | set(structure.hyperparameters) for structure in structures]
        optional = [
            hyperparameter
            for hyperparameter in self.distributions
            if not all(hyperparameter in hyperparameters for hyperparameters in every)
        ]
        return Encoding(self.distributions, optional)

    @property
    def groups(self) -> NDArray[np.intp]:
        """The index of the parameter that each column of ``rows`` belongs to, d."""
        return self._encoding.groups

    def rows(self, points: Sequence[Point]) -> Array:
        """Return the points as numbers in [0, 1], n x d."""
        return self._encoding.rows_of(points)

    def point(
        self, hyperparameters: Hyperparameters, domains: dict[str, Domain] | None = None
    ) -> Point | None:
        """Return a point of the search space; None if it is beyond the limits.

        ``domains`` are those of its parameters, if the caller has them.
        """
        domains = domains or self._space.hyperparameters_of(hyperparameters)
        params = {
            hyperparameter: encode(domain, hyperparameters[hyperparameter])
            for hyperparameter, domain in domains.items()
        }
        key = params_key(params)
        if key not in self._points:
            spec = self._space.feasible_spec(hyperparameters)
            self._points[key] = None if spec is None else self._of_spec(spec, hyperparameters, params)
            self._hyperparameters[key], self._domains[key] = dict(hyperparameters), domains
        return self._points[key]

    def located(self, spec: Spec, training: Mapping[str, Value]) -> Point | None:
        """Return the point of a network trained this way, also beyond the limits; None if there is none."""
        hyperparameters = self._space.locate(spec, training)
        if hyperparameters is None:
            return None
        domains = self._space.hyperparameters_of(hyperparameters)
        params = {
            hyperparameter: encode(domain, hyperparameters[hyperparameter])
            for hyperparameter, domain in domains.items()
        }
        key = params_key(params)
        self._hyperparameters[key], self._domains[key] = hyperparameters, domains
        return self._of_spec(self._space.spec(hyperparameters), hyperparameters, params)

    def _of_spec(self, spec: Spec, hyperparameters: Hyperparameters, params: Params) -> Point:
        training = self._space.training(hyperparameters)
        counts = self._space.counts(spec, training)
        return Point(
            params,
            self._identity(spec.arch, training),
            self._costs(counts),
            float(counts.macs),
            None if self._prior is None else self._prior.predicted_error(spec, counts),
        )

    def enumerate(self, most: int) -> Sequence[Point] | None:
        """Return all networks within the limits if the space has at most ``most`` points, else None."""
        if self._space.size() > most:
            return None
        found: dict[Hashable, Point] = {}
        for hyperparameters in self._space.points():
            if (point := self.point(hyperparameters)) is not None:
                found.setdefault(point.key, point)
        return list(found.values())

    def draw(self, rng: random.Random) -> Point | None:
        """Return a random network within the limits."""
        hyperparameters = self._space.sample_feasible(rng)
        return None if hyperparameters is None else self.point(hyperparameters)

    def neighbour(self, point: Point, rng: random.Random) -> Point | None:
        """Return a network that differs in one to three parameters, shrunk to the limits if necessary."""
        for _ in range(MAX_TRIES):
            changed, domains = self._changed(point, rng)
            if (found := self.point(changed, domains)) is not None:
                return found
            smaller = self._space.shrunk(changed, rng)
            if smaller is not None and (found := self.point(smaller)) is not None:
                return found
        return None

    def _changed(self, point: Point, rng: random.Random) -> tuple[Hyperparameters, dict[str, Domain]]:
        """Return a point with one to three parameters changed, and the domains of its parameters."""
        key = params_key(point.params)
        hyperparameters, domains = self._hyperparameters[key], self._domains[key]
        chosen = rng.sample(list(domains), min(len(domains), rng.choice((1, 1, 2, 3))))
        changed = {
            hyperparameter: _near(domains[hyperparameter], hyperparameters[hyperparameter], rng)
            for hyperparameter in chosen
        }
        known = {**hyperparameters, **changed}
        complete: Hyperparameters = {}
        of_complete: dict[str, Domain] = {}

        def choose(hyperparameter: str, domain: Domain) -> Value:
            complete[hyperparameter] = (
                known[hyperparameter] if hyperparameter in known else domain.sample(rng)
            )
            of_complete[hyperparameter] = domain
            return complete[hyperparameter]

        draw_hyperparameters(self._space.config, choose)
        return complete, of_complete


def _near(domain: Domain, value: Value, rng: random.Random) -> Value:
    """Return another value of a domain; for a number most often a close one."""
    if isinstance(domain, FloatRange) or domain.size == 1:
        return near(distribution_of(domain), value, rng) if isinstance(domain, FloatRange) else value
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
