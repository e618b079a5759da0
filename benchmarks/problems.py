"""Computed problems for simulations: learning curves from formulas, over spaces without a table."""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from search.simulator.problem import Curve, Problem
from space.config import SpaceConfig
from space.networks.spec import Spec
from space.search_space import SearchSpace


@dataclass(frozen=True)
class Shape:
    """The dependence of accuracy, from 0 to 1, on the network.

    Accuracy starts at ``low`` and rises by ``rise`` over the range of log(parameters); a negative ``rise`` is
    a fall. ``bend`` sets the curvature. ``within`` is the standard deviation between networks of one size,
    ``noise`` that between trainings of one network. Larger networks learn slower, by a factor of at most
    ``delay``.
    """

    low: float
    rise: float
    bend: float
    within: float
    noise: float
    delay: float


class Computed:
    """A problem with a smooth random function of the network as its accuracies, from a seed."""

    def __init__(self, name: str, space: Mapping[str, Any], shape: Shape, epochs: int, seed: int = 0) -> None:
        self.name = name
        self.epochs = epochs
        self.space = SearchSpace(SpaceConfig.model_validate(space), image_size=16)
        self._shape = shape
        rng = np.random.default_rng(seed)
        self._waves = rng.normal(size=(64, 16)) * 2.0
        self._phases = rng.uniform(0.0, 2.0 * math.pi, 64)
        self._known: dict[str, tuple[int, float, float, float]] = {}

    def _facts(self, spec: Spec) -> tuple[int, float, float, float]:
        """Return parameters, relative size, expected final accuracy and seconds of an epoch."""
        if spec.arch not in self._known:
            counts = self.space.counts(spec)
            low, high = (math.log(bound) for bound in self.space.params_range())
            place = (math.log(counts.params) - low) / (high - low)
            shape = self._shape
            own = float(np.cos(self._waves @ _features(spec) + self._phases).mean()) * math.sqrt(2 * 64)
            accuracy = shape.low + shape.rise * place**shape.bend + shape.within * own
            seconds = 0.3 + counts.macs * 3e-7
            self._known[spec.arch] = counts.params, place, min(0.99, max(0.1, accuracy)), seconds
        return self._known[spec.arch]

    def curve(self, spec: Spec, seed: int) -> Curve:
        """Return a training: a power law to the expected accuracy, with noise of the training."""
        _, place, final, seconds = self._facts(spec)
        rng = random.Random(f"{spec.arch} {seed}")
        shape = self._shape
        end = final + rng.gauss(0.0, shape.noise)
        speed = 1.2 - (1.0 - 1.0 / shape.delay) * place
        accuracy = []
        for epoch in range(1, self.epochs + 1):
            progress = epoch / self.epochs
            part = 1.0 - 0.6 * (1.0 - progress) ** 2 * math.exp(-speed * epoch**0.5 + 1.0)
            jitter = rng.gauss(0.0, shape.noise) * (1.0 - progress)
            accuracy.append(min(1.0, max(0.0, end * part + jitter)))
        return Curve(tuple(accuracy), (seconds,) * self.epochs)

    @cached_property
    def _outcomes(self) -> dict[str, tuple[int, float]]:
        specs = {spec.arch: spec for spec in map(self.space.spec, self.space.feasible_points())}
        return {arch: (self._facts(spec)[0], self._facts(spec)[2]) for arch, spec in specs.items()}

    def outcomes(self) -> Mapping[str, tuple[int, float]]:
        """Return parameters and expected final accuracy of each network."""
        return self._outcomes


class Failing:
    """Another problem with random failures: a fraction of trainings fails after the first epoch."""

    def __init__(self, problem: Problem, share: float) -> None:
        self._problem = problem
        self._share = share
        self.name = f"{problem.name}, {share:.0%} failing"
        self.space = problem.space
        self.epochs = problem.epochs

    def curve(self, spec: Spec, seed: int) -> Curve:
        """Return a training of the other problem, or its first epoch and a failure."""
        curve = self._problem.curve(spec, seed)
        drawn = int.from_bytes(hashlib.sha256(f"{spec.arch} {seed}".encode()).digest()[:4]) / 2**32
        if drawn >= self._share:
            return curve
        return Curve(curve.val_accuracy[:1], curve.seconds[:1], "the loss is no longer a number")

    def outcomes(self) -> Mapping[str, tuple[int, float]] | None:
        """Return the other problem's outcomes."""
        return self._problem.outcomes()


def _features(spec: Spec) -> np.ndarray[Any, Any]:
    """Return 16 features of a network, of about unit scale. Equal networks have equal features."""
    data = spec.to_dict()
    levels = data["levels"]
    numbers = [
        len(levels) / 4,
        float(data.get("share_a") == "iteration"),
        float(data.get("share_b") == "iteration"),
    ]
    for level in levels[:4]:
        numbers += [level["nu"] / 4, math.log2(level["c_u"]) / 6, math.log2(level["c_f"]) / 6]
    return np.array([*numbers, *([0.0] * 16)])[:16]


def deep() -> Computed:
    """Return a problem with 2 or 3 levels, many widths and slow learning of large networks."""
    space = {
        "levels": [2, 3],
        "nu": {"low": 1, "high": 3},
        "c_u": {"first": {"low": 4, "high": 16, "step": 4}, "increment": [0, 8, 16]},
        "c_f": "c_u",
        "share_b": ["level", "iteration"],
    }
    return Computed("deep", space, Shape(0.45, 0.4, 0.6, 0.02, 0.008, 3.0), epochs=27, seed=1)


def falling() -> Computed:
    """Return a problem against the usual expectation: accuracy falls with size."""
    space = {
        "levels": 2,
        "nu": {"low": 1, "high": 4},
        "c_u": {"low": 4, "high": 20, "step": 4},
        "c_f": {"low": 4, "high": 20, "step": 8},
        "share_a": ["level", "iteration"],
    }
    return Computed("falling", space, Shape(0.8, -0.3, 1.0, 0.03, 0.008, 1.5), epochs=9, seed=2)
