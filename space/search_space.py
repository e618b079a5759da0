"""A search space: the networks that a study may try, and the map from hyperparameters to specs."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from functools import cached_property
from types import MappingProxyType

from space.config import SpaceConfig
from space.core.errors import InvalidInputError, UnbuildableError, shown
from space.decision_tree import IMAGE_SIZE, Choose, draw_hyperparameters, draw_spec, is_countable
from space.domains import Domain, FloatRange, Point, Value
from space.enumeration import Enumeration
from space.extremes import Extremes
from space.firmware.programs import device_costs
from space.limits import CountOf, Limits, check_has_programs, macs_of, params_of
from space.locate import locate
from space.networks.counts import Counts, Size, as_size
from space.networks.grid_spec import GridSpec
from space.networks.spec import Spec

__all__ = ["Choose", "Point", "SearchSpace", "SpaceConfig"]

NO_CHANGES: Mapping[str, Value] = MappingProxyType({})
UNIFORM_DRAWS = 500
"""Uniform draws before an infeasible point is shrunk instead. They find a feasible part of one hundredth."""


class SearchSpace:
    """The networks of a ``SpaceConfig`` for images of one kind.

    A point maps each free hyperparameter to a value, such as ``nu_1``, ``c_u_1`` or ``train.lr``.

    Args:
        config: Domains and limits.
        in_channels: Channels of an image.
        num_classes: Number of classes.
        image_size: Size in pixels: one side, or (height, width).
        batch_size: Batch size for the limit of activation memory.
        counts_device: Whether counts include flash and SRAM. With limits on them they always do.

    Raises:
        InvalidInputError: The images are impossible, or flash and SRAM are counted but networks of the space
            have no int8 C code.
    """

    def __init__(
        self,
        config: SpaceConfig,
        *,
        in_channels: int = 3,
        num_classes: int = 10,
        image_size: Size = 32,
        batch_size: int = 1,
        counts_device: bool = False,
    ) -> None:
        as_size(image_size)
        for name, number in (
            ("in_channels", in_channels),
            ("num_classes", num_classes),
            ("batch_size", batch_size),
        ):
            if not isinstance(number, int) or number < 1:
                raise InvalidInputError(
                    f"{name} must be a whole number of at least 1, but got {shown(number)}"
                )
        self.config = config
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.image_size = image_size
        self.batch_size = batch_size
        self.limits = Limits(config, as_size(image_size), batch_size)
        limited = [name for name in ("max_flash_kib", "max_sram_kib") if name in self.limits.given]
        self.counts_device = counts_device or bool(limited)
        if self.counts_device:
            asks = f"space.{limited[0]}" if limited else "a cost of flash or SRAM"
            check_has_programs(config, asks)

    @property
    def hash(self) -> str:
        """The identity of the space, its limits and the image format: 12 hexadecimal digits.

        Values that equal their default are left out, so a new key with a neutral default keeps the identity.
        """
        config = self.config.model_dump(mode="json", exclude_defaults=True)
        data = [config, self.in_channels, self.num_classes, as_size(self.image_size)]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    # -- points and specs ------------------------------------------------------------------------------

    def draw(self, choose: Choose) -> Spec:
        """Return the canonical spec for the values that ``choose(hyperparameter, domain)`` returns.

        Free hyperparameters are asked for in a fixed order, and only those that the network has.
        """
        return draw_spec(self.config, self._facts, choose)

    @property
    def _facts(self) -> dict[str, int]:
        return {"in_channels": self.in_channels, "num_classes": self.num_classes}

    def spec(self, point: Point) -> Spec:
        """Return the spec of a point.

        Raises:
            KeyError: The point lacks a hyperparameter.
        """
        return self.draw(lambda hyperparameter, _domain: point[hyperparameter])

    def locate(self, spec: Spec, training: Mapping[str, Value] | None = None) -> Point | None:
        """Return the point of a network, without regard to the limits; None if it is not in the space.

        Args:
            spec: The network.
            training: Keys of the ``[train]`` section with values. It must contain those that the space
                searches.
        """
        return locate(self.config, self._facts, spec, training or {})

    def training(self, point: Point) -> dict[str, Value]:
        """Return the values of the ``[train]`` section that the point sets."""
        return {
            key: domain.smallest if domain.size == 1 else point[f"train.{key}"]
            for key, domain in self.config.train.items()
        }

    def fixed_training(self) -> dict[str, Value]:
        """Return the values of the ``[train]`` section that the space fixes."""
        return {key: domain.smallest for key, domain in self.config.train.items() if domain.size == 1}

    def sample(self, rng: random.Random) -> Point:
        """Return a point with every hyperparameter drawn from its domain, without regard to the limits."""
        point: Point = {}

        def choose(hyperparameter: str, domain: Domain) -> Value:
            point[hyperparameter] = domain.sample(rng)
            return point[hyperparameter]

        draw_hyperparameters(self.config, choose)
        return point

    def sample_feasible(self, rng: random.Random) -> Point | None:
        """Return a feasible point, or None if none was found.

        Points are drawn by ``sample`` until one is feasible. After ``UNIFORM_DRAWS`` draws, infeasible points
        are shrunk instead. This also finds very rare feasible networks, but prefers those near the limits.
        """
        point: Point | None = None
        for _ in range(UNIFORM_DRAWS):
            point = self.sample(rng)
            if self.is_feasible(point):
                return point
        for _ in range(UNIFORM_DRAWS // 10):
            if (smaller := self.shrunk(self.sample(rng), rng)) is not None:
                return smaller
        return None

    def shrunk(self, point: Point, rng: random.Random) -> Point | None:
        """Return ``point`` with random hyperparameters decreased until it is feasible; None if that is not
        possible.
        """
        point = dict(point)
        domains = self.hyperparameters_of(point)
        while not self.is_feasible(point):
            larger = [
                (hyperparameter, domain)
                for hyperparameter, domain in domains.items()
                if is_countable(hyperparameter)
                and not isinstance(domain, FloatRange)
                and domain.rank(point[hyperparameter])
            ]
            if not larger:
                return None
            hyperparameter, domain = rng.choice(larger)
            assert not isinstance(domain, FloatRange)
            point[hyperparameter] = domain.value_of_rank(rng.randrange(domain.rank(point[hyperparameter])))
        return point

    def hyperparameters_of(self, point: Point) -> dict[str, Domain]:
        """Return the free hyperparameters of a point's network with their domains, in order."""
        found: dict[str, Domain] = {}

        def choose(hyperparameter: str, domain: Domain) -> Value:
            found[hyperparameter] = domain
            return point[hyperparameter]

        draw_hyperparameters(self.config, choose)
        return found

    def hyperparameters(self) -> dict[str, Domain]:
        """Return all free hyperparameters of the space with their domains."""
        found: dict[str, Domain] = {}
        for structure in self.enumeration.structures:
            for domains in (structure.choices, structure.hyperparameters):
                for hyperparameter, domain in domains.items():
                    found.setdefault(hyperparameter, domain)
        return found

    # -- the whole space -------------------------------------------------------------------------------

    @cached_property
    def enumeration(self) -> Enumeration:
        """All points of the space, structure by structure."""
        return Enumeration(self)

    @cached_property
    def _extremes(self) -> Extremes:
        return Extremes(self.enumeration)

    def size(self) -> int | float:
        """Return the number of points, infinite with a continuous hyperparameter. A network with n points counts
        n times.
        """
        return self.enumeration.size()

    def points(self) -> Iterator[Point]:
        """Yield every point once; see ``Enumeration.points``."""
        return self.enumeration.points()

    def feasible_points(self, patience: int | None = None) -> Iterator[Point]:
        """Yield every feasible point, in the order of ``points``; see ``Enumeration.feasible_points``."""
        return self.enumeration.feasible_points(patience)

    @cached_property
    def _smallest_point(self) -> Point:
        return self._extremes.points(params_of)[0]

    def smallest_point(self) -> Point:
        """Return the point whose network has the fewest parameters."""
        return dict(self._smallest_point)

    def params_range(self) -> tuple[int, int]:
        """Return the lowest and the highest number of parameters; ``max_params`` bounds the latter.

        ``Extremes.points`` says when they are exact.
        """
        low, high = self.params_extremes
        return low, min(high, self.config.max_params or high)

    def cost_range(self, name: str) -> tuple[float, float]:
        """Return the lowest and the highest ``cost`` of a network; the limit bounds the latter."""
        low, high = self.cost_extremes(name)
        return low, min(high, getattr(self.config, f"max_{name}") or high)

    def cost_extremes(self, name: str) -> tuple[float, float]:
        """Return the lowest and the highest ``cost`` of a network, without regard to the limits."""
        points = (
            self._extremes.points(self.limits.count_named(name), largest=largest)[0]
            for largest in (False, True)
        )
        low, high = (self.cost(name, self.counts_of(point)) for point in points)
        return low, high

    @cached_property
    def params_extremes(self) -> tuple[int, int]:
        """The lowest and the highest number of parameters, without regard to the limits."""
        return self._ends_of(params_of)

    @cached_property
    def macs_extremes(self) -> tuple[int, int]:
        """The lowest and the highest number of MACs, without regard to the limits."""
        return self._ends_of(macs_of)

    def _ends_of(self, count: CountOf) -> tuple[int, int]:
        low, high = (self._extremes.points(count, largest=largest)[0] for largest in (False, True))
        return int(count(self.counts_of(low))), int(count(self.counts_of(high)))

    # -- limits ----------------------------------------------------------------------------------------

    @property
    def has_limits(self) -> bool:
        """Whether any limit is set."""
        return bool(self.limits.given)

    def is_feasible(self, point: Point) -> bool:
        """Return whether the network of a point can be built and meets the limits."""
        return self.feasible_spec(point) is not None

    def feasible_spec(self, point: Point) -> Spec | None:
        """Return the spec of a point, or None if it cannot be built or exceeds a limit."""
        try:
            spec = self.spec(point)
            # counting a plugin's network shows whether it can be built
            needs_counts = self.has_limits or not isinstance(spec, GridSpec)
            is_beyond = needs_counts and self.limits.are_exceeded(self.counts(spec, self.training(point)))
        except UnbuildableError:
            return None
        return None if is_beyond else spec

    def counts_of(self, point: Point) -> Counts:
        """Return the counts of the network of a point."""
        return self.counts(self.spec(point), self.training(point))

    def image_size_of(self, training: Mapping[str, Value]) -> Size:
        """Return the size of the images of a training in pixels.

        Args:
            training: Its values of the ``[train]`` section that differ from those of the study.
        """
        side = training.get(IMAGE_SIZE)
        return self.image_size if side is None else int(side)

    def counts(self, spec: Spec, training: Mapping[str, Value] = NO_CHANGES) -> Counts:
        """Return the counts of a network for the images of this space.

        Args:
            spec: The network.
            training: As for ``image_size_of``.
        """
        size = self.image_size_of(training)
        counts = spec.counts(size)
        if not self.counts_device:
            return counts
        costs = device_costs(spec, size)
        return counts._replace(flash_bytes=costs.flash_bytes, sram_bytes=costs.sram_bytes)

    def cost(self, name: str, counts: Counts) -> float:
        """Return a counted cost: ``params``, ``macs``, ``activation_mib``, ``flash_kib`` or ``sram_kib``."""
        return float(self.limits.count_named(name)(counts))

    def activation_mib(self, counts: Counts) -> float:
        """Return the activation memory of a training step in MiB."""
        return self.limits.activation_mib(counts)

    def check_feasible(self) -> None:
        """Check that the space has a feasible network.

        Raises:
            InvalidInputError: No network meets the limits.
            UnbuildableError: A plugin's network cannot be built.
        """
        _ = self.params_extremes  # draws and counts both ends of every structure
        if not self.has_limits:
            return
        least: dict[str, float] = {}
        for name in self.limits.given:
            count = self.limits.count_named(name.removeprefix("max_"))
            points = self._extremes.points(count)
            if any(self.is_feasible(point) for point in points):
                return
            least[name] = count(self.counts_of(points[0]))
        if self.sample_feasible(random.Random(0)) is not None:
            return
        raise self.limits.refusal(least)
