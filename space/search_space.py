"""A search space: which networks a study may try, and how a choice for every hyperparameter becomes a spec."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from functools import cached_property

from space.config import SpaceConfig
from space.core.errors import InvalidInputError, UnbuildableError, shown
from space.decision_tree import Choose, draw_hyperparameters, draw_spec, is_countable
from space.domains import Domain, FloatRange, Point, Value
from space.enumeration import Enumeration
from space.extremes import Extremes
from space.limits import CountOf, Limits, macs_of, params_of
from space.locate import locate
from space.networks.counts import Counts, Size, as_size
from space.networks.grid_spec import GridSpec
from space.networks.spec import Spec

__all__ = ["Choose", "Point", "SearchSpace", "SpaceConfig"]

UNIFORM_DRAWS = 500
"""Points drawn before one beyond the limits is made smaller: a hundredth of the space is found like this."""


class SearchSpace:
    """The networks of a ``SpaceConfig`` for images of one kind.

    A point maps each free hyperparameter to a value, such as ``nu_1``, ``c_u_1`` or ``train.lr``.

    Args:
        config: Domains and limits.
        in_channels: Channels of an image.
        num_classes: Number of classes.
        image_size: Size in pixels: one side, or (height, width).
        batch_size: Batch size for the limit of activation memory.

    Raises:
        InvalidInputError: The images are impossible.
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
        """Return the canonical spec made by asking ``choose(hyperparameter, domain)`` for every free one.

        Hyperparameters are asked for in a fixed order, and each only if the network has it.
        """
        return draw_spec(self.config, self._facts, choose)

    @property
    def _facts(self) -> dict[str, int]:
        return {"in_channels": self.in_channels, "num_classes": self.num_classes}

    def spec(self, point: Point) -> Spec:
        """Return the spec of a point; raises KeyError if a hyperparameter of it is missing."""
        return self.draw(lambda hyperparameter, _domain: point[hyperparameter])

    def locate(self, spec: Spec, training: Mapping[str, Value] | None = None) -> Point | None:
        """Return the point whose network is ``spec``, the limits left aside; None if there is none.

        ``training`` has the keys of the ``[train]`` section by which it is trained: where the space searches
        some, a point needs their values too.
        """
        return locate(self.config, self._facts, spec, training or {})

    def training(self, point: Point) -> dict[str, Value]:
        """Return what a point says about its training: keys of the ``[train]`` section, with values."""
        return {
            key: domain.smallest if domain.size == 1 else point[f"train.{key}"]
            for key, domain in self.config.train.items()
        }

    def fixed_training(self) -> dict[str, Value]:
        """Return the keys of the ``[train]`` section to which the space gives one value, with that value."""
        return {key: domain.smallest for key, domain in self.config.train.items() if domain.size == 1}

    def sample(self, rng: random.Random) -> Point:
        """Return a point with every hyperparameter drawn from its domain; limits are not looked at."""
        point: Point = {}

        def choose(hyperparameter: str, domain: Domain) -> Value:
            point[hyperparameter] = domain.sample(rng)
            return point[hyperparameter]

        draw_hyperparameters(self.config, choose)
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
            if self.is_feasible(point):
                return point
        for _ in range(UNIFORM_DRAWS // 10):
            if (smaller := self.shrunk(self.sample(rng), rng)) is not None:
                return smaller
        return None

    def shrunk(self, point: Point, rng: random.Random) -> Point | None:
        """Return ``point`` within the limits, random hyperparameters of it made smaller; None if that does not help."""
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
        """Return the hyperparameters of a point's network that are not fixed, with their domains, in order."""
        found: dict[str, Domain] = {}

        def choose(hyperparameter: str, domain: Domain) -> Value:
            found[hyperparameter] = domain
            return point[hyperparameter]

        draw_hyperparameters(self.config, choose)
        return found

    def hyperparameters(self) -> dict[str, Domain]:
        """Return every hyperparameter of the space that is not fixed, with its domain."""
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
        """Return the number of points, infinite where a hyperparameter is continuous.

        Networks with several spellings count as often.
        """
        return self.enumeration.size()

    def points(self) -> Iterator[Point]:
        """Yield every point once; see ``Enumeration.points``."""
        return self.enumeration.points()

    def feasible_points(self, patience: int | None = None) -> Iterator[Point]:
        """Yield, in the order of ``points``, every point within the limits; see ``Enumeration.feasible_points``."""
        return self.enumeration.feasible_points(patience)

    @cached_property
    def _smallest_point(self) -> Point:
        return self._extremes.points(params_of)[0]

    def smallest_point(self) -> Point:
        """Return the point whose network has the fewest parameters."""
        return dict(self._smallest_point)

    def params_range(self) -> tuple[int, int]:
        """Return the fewest parameters of a network and the most, or ``max_params`` if that is less.

        See ``Extremes.points`` for where they are exact.
        """
        low, high = self.params_extremes
        return low, min(high, self.config.max_params or high)

    def cost_range(self, name: str) -> tuple[float, float]:
        """Return the lowest and highest ``cost`` of a network; the highest is the limit, if that is less."""
        points = (
            self._extremes.points(self.limits.count_named(name), largest=largest)[0]
            for largest in (False, True)
        )
        low, high = (self.cost(name, self.counts(self.spec(point))) for point in points)
        return low, min(high, getattr(self.config, f"max_{name}") or high)

    @cached_property
    def params_extremes(self) -> tuple[int, int]:
        """The fewest and the most parameters of a network, the limits left aside."""
        return self._ends_of(params_of)

    @cached_property
    def macs_extremes(self) -> tuple[int, int]:
        """The fewest and the most MACs of a network, the limits left aside."""
        return self._ends_of(macs_of)

    def _ends_of(self, count: CountOf) -> tuple[int, int]:
        low, high = (self._extremes.points(count, largest=largest)[0] for largest in (False, True))
        return int(count(self.counts(self.spec(low)))), int(count(self.counts(self.spec(high))))

    # -- limits ----------------------------------------------------------------------------------------

    @property
    def has_limits(self) -> bool:
        """Whether the space has a limit on any count."""
        return bool(self.limits.given)

    def is_feasible(self, point: Point) -> bool:
        """Return whether a point's network can be built and is within the limits."""
        return self.feasible_spec(point) is not None

    def feasible_spec(self, point: Point) -> Spec | None:
        """Return the spec of a point if its network can be built and is within the limits, else None."""
        try:
            spec = self.spec(point)
            # of a plugin's network, counting says whether it can be built
            needs_counts = self.has_limits or not isinstance(spec, GridSpec)
            is_beyond = needs_counts and self.limits.are_exceeded(self.counts(spec))
        except UnbuildableError:
            return None
        return None if is_beyond else spec

    def counts(self, spec: Spec) -> Counts:
        """Return the counts of a network on the images of this space."""
        return spec.counts(self.image_size)

    def cost(self, name: str, counts: Counts) -> float:
        """Return one of the counted costs: ``params``, ``macs`` (of an image) or ``activation_mib``."""
        return float(self.limits.count_named(name)(counts))

    def activation_mib(self, counts: Counts) -> float:
        """Return the activation memory of a training step of the space's batch size, in MiB."""
        return self.limits.activation_mib(counts)

    def check_feasible(self) -> None:
        """Raise InvalidInputError if no network is within the limits, or a plugin's cannot be built."""
        _ = self.params_extremes  # draws and counts both ends of every structure
        if not self.has_limits:
            return
        given = self.limits.given
        least: dict[str, float] = {}
        for name in given:
            count = self.limits.count_named(name.removeprefix("max_"))
            points = self._extremes.points(count)
            if any(self.is_feasible(point) for point in points):
                return
            least[name] = count(self.counts(self.spec(points[0])))
        if self.sample_feasible(random.Random(0)) is not None:
            return
        for name, limit in given.items():
            if least[name] > limit:
                raise InvalidInputError(
                    f"space.{name} = {limit}, but the smallest network of this space has "
                    f"{self.limits.text(name, least[name])}"
                )
        limits = " and ".join(f"space.{name} = {limit}" for name, limit in given.items())
        within = "both" if len(given) == 2 else "all"
        raise InvalidInputError(
            f"{limits}, but no network of this space is within {within}: raise one of them"
        )
