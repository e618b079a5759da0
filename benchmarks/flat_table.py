"""A recorded table for searches that know parameters only: each hyperparameter exists at every point."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import numpy as np

from results.hypervolume import hypervolume
from search.simulator.problem import Curve
from search.simulator.tabular_benchmark import SHIPPED, TabularBenchmark
from space.decision_tree import draw_hyperparameters
from space.domains import Domain, Point, Value
from space.networks.spec import Spec

TABLES = tuple(SHIPPED)


class FlatTable:
    """A table over ranks of hyperparameters. A network ignores those that it lacks.

    Attributes:
        name: The table's name.
        epochs: Epochs of a whole training.
        domains: All hyperparameters and their values.
        best: The largest hypervolume of ``places``, with ``REFERENCE`` as the reference point.
    """

    def __init__(self, table: TabularBenchmark) -> None:
        self.name, self.epochs = table.name, table.epochs
        self._table = table
        self._outcomes = table.outcomes()
        self._params = [params for params, _ in self._outcomes.values()]
        self._errors = [1 - accuracy for _, accuracy in self._outcomes.values()]
        self.domains: dict[str, Domain] = {}
        for point in table.space.feasible_points():
            self._draw(point, self.domains)
        self._specs: dict[tuple[int, ...], Spec] = {}
        self.best = hypervolume(np.array([self._place(arch) for arch in self._outcomes]), REFERENCE)

    def _draw(self, point: Mapping[str, Value], domains: dict[str, Domain]) -> Point:
        """Return the hyperparameters of the network of a point. Their domains are added to ``domains``."""
        used: Point = {}

        def choose(hyperparameter: str, domain: Domain) -> Value:
            domains[hyperparameter] = domain
            used[hyperparameter] = point[hyperparameter]
            return used[hyperparameter]

        draw_hyperparameters(self._table.space.config, choose)
        return used

    def _spec(self, ranks: tuple[int, ...]) -> Spec:
        if ranks not in self._specs:
            point = {
                name: tuple(domain.values())[rank]
                for (name, domain), rank in zip(self.domains.items(), ranks, strict=True)
            }
            self._specs[ranks] = self._table.space.spec(self._draw(point, {}))
        return self._specs[ranks]

    def curve(self, ranks: tuple[int, ...], seed: int) -> Curve:
        """Return a recorded training of a network; the seed chooses among several."""
        return self._table.curve(self._spec(ranks), seed)

    def params(self, ranks: tuple[int, ...]) -> float:
        """Return the number of parameters of a network."""
        return float(self._outcomes[self._spec(ranks).arch][0])

    def place(self, ranks: tuple[int, ...]) -> tuple[float, float]:
        """Return the expected error and the logarithm of the size of a network, each from 0 to 1 in the table."""
        return self._place(self._spec(ranks).arch)

    def _place(self, arch: str) -> tuple[float, float]:
        params, accuracy = self._outcomes[arch]
        low, high = math.log(min(self._params)), math.log(max(self._params))
        least, most = min(self._errors), max(self._errors)
        return (1 - accuracy - least) / (most - least), (math.log(params) - low) / (high - low)


REFERENCE = (1.0, 1.0)


@cache
def flat_table(name: str) -> FlatTable:
    """Return a table of mgnas by its name."""
    return FlatTable(TabularBenchmark.read(name))
