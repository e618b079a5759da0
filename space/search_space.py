"""A search space: which networks a study may try, and how a choice for every knob becomes a spec."""

from __future__ import annotations

import hashlib
import itertools
import json
import random
from collections.abc import Callable, Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from space.counts import Size
from space.domains import Choice, DataWidth, Domain, IntRange, PerLevel, SharingDomain, Value, positive
from space.mgnet import Level, MgNetSpec

Params = dict[str, Value]
Choose = Callable[[str, Choice | IntRange], Value]


class SpaceConfig(BaseModel):
    """The ``[space]`` section of a study: a domain for every knob of an MgNet, and limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: Literal["mgnet"] = "mgnet"
    levels: Domain = Field(default=Choice(choices=(2,)), description="number of levels J")
    nu: PerLevel = Field(default=(IntRange(low=1, high=3),), description="smoothing iterations of a level")
    c_u: PerLevel = Field(
        default=(IntRange(low=8, high=64, step=8),), description="feature channels of a level"
    )
    c_f: DataWidth = Field(default="c_u", description='data channels of a level, or "c_u"')
    share_a: SharingDomain = Choice(choices=("level",))
    share_b: SharingDomain = Choice(choices=("level", "iteration"))
    max_params: PositiveInt | None = None
    max_macs: PositiveInt | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        positive([self.levels], "levels")
        depth = max(int(value) for value in self.levels.values())
        for name in ("nu", "c_u", "c_f"):
            domains = getattr(self, name)
            if domains == "c_u":
                continue
            positive(domains, name)
            if len(domains) not in (1, depth):
                raise ValueError(
                    f"{name} needs one domain for all levels or {depth}, one for each, but got {len(domains)}"
                )
        for name in ("share_a", "share_b"):
            if unknown := set(getattr(self, name).values()) - {"level", "iteration"}:
                raise ValueError(f'{name} takes "level" and "iteration", but got {unknown.pop()!r}')
        return self


class SearchSpace:
    """The networks of a ``SpaceConfig`` for images of one kind.

    A point of the space is a dictionary ``knob -> value`` with the knobs ``levels, nu_1, c_u_1, c_f_1, ...,
    share_a, share_b``. Knobs with a single value are not part of it.
    """

    def __init__(
        self, config: SpaceConfig, *, in_channels: int = 3, num_classes: int = 10, image_size: Size = 32
    ) -> None:
        self.config = config
        self.in_channels = in_channels
        self.num_classes = num_classes
        self.image_size = image_size

    @property
    def hash(self) -> str:
        """Identity of the space, limits and image format included: 12 hexadecimal digits."""
        size = self.image_size if isinstance(self.image_size, int) else list(self.image_size)
        data = [self.config.model_dump(mode="json"), self.in_channels, self.num_classes, size]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def draw(self, choose: Choose) -> MgNetSpec:
        """Return the canonical spec made by asking ``choose(knob, domain)`` for every knob not fixed.

        Knobs are asked for in a fixed order, and those of a level only if the network has that level.
        """

        def pick(knob: str, domain: Choice | IntRange) -> Value:
            values = domain.values()
            return values[0] if len(values) == 1 else choose(knob, domain)

        config = self.config
        depth = int(pick("levels", config.levels))
        levels = []
        for index in range(depth):
            nu = int(pick(f"nu_{index + 1}", _of_level(config.nu, index)))
            c_u = int(pick(f"c_u_{index + 1}", _of_level(config.c_u, index)))
            c_f = (
                c_u
                if isinstance(config.c_f, str)
                else int(pick(f"c_f_{index + 1}", _of_level(config.c_f, index)))
            )
            levels.append(Level(nu=nu, c_u=c_u, c_f=c_f))
        # the domains hold nothing but the two sharings (SpaceConfig), so the spec validates
        spec = MgNetSpec.model_validate(
            {
                "levels": levels,
                "share_a": pick("share_a", config.share_a),
                "share_b": pick("share_b", config.share_b),
                "in_channels": self.in_channels,
                "num_classes": self.num_classes,
            }
        )
        return spec.canonical()

    def spec(self, params: Params) -> MgNetSpec:
        """Return the spec of a point; raises KeyError if a knob of it is missing."""
        return self.draw(lambda knob, _domain: params[knob])

    def sample(self, rng: random.Random) -> Params:
        """Return a point with every knob drawn uniformly from its domain; limits are not looked at."""
        params: Params = {}

        def choose(knob: str, domain: Choice | IntRange) -> Value:
            params[knob] = rng.choice(domain.values())
            return params[knob]

        self.draw(choose)
        return params

    def knobs(self, depth: int | None = None) -> dict[str, Choice | IntRange]:
        """Return the knobs that are not fixed with their domains, for networks of ``depth`` levels or all."""
        found: dict[str, Choice | IntRange] = {}
        target = depth if depth is not None else max(int(v) for v in self.config.levels.values())

        def choose(knob: str, domain: Choice | IntRange) -> Value:
            found[knob] = domain
            return target if knob == "levels" else domain.values()[0]

        self.draw(choose)
        return found

    def _depths(self) -> list[int]:
        return [int(value) for value in self.config.levels.values()]

    def size(self) -> int:
        """Return the number of points; networks with several spellings count as often."""
        total = 0
        for depth in self._depths():
            count = 1
            for knob, domain in self.knobs(depth).items():
                count *= 1 if knob == "levels" else len(domain.values())
            total += count
        return total

    def points(self) -> Iterator[Params]:
        """Yield every point once, in a fixed order."""
        for depth in self._depths():
            knobs = self.knobs(depth)
            domains = [[depth] if knob == "levels" else domain.values() for knob, domain in knobs.items()]
            for values in itertools.product(*domains):
                yield dict(zip(knobs, values, strict=True))

    def _corner_points(self) -> list[Params]:
        """Every combination of sharings and depths, with all other knobs at their low or high ends.

        Parameters grow with every iteration and channel, so the smallest and largest networks are here.
        """
        points: list[Params] = []
        for depth in self._depths():
            knobs = self.knobs(depth)
            shared = [knob for knob in knobs if knob.startswith("share_")]
            for index in (0, -1):
                ends = {knob: sorted(domain.values())[index] for knob, domain in knobs.items()}
                for values in itertools.product(*(knobs[knob].values() for knob in shared)):
                    point = ends | dict(zip(shared, values, strict=True))
                    points.append(point | {"levels": depth} if "levels" in knobs else point)
        return points

    def smallest_point(self) -> Params:
        """Return the point whose network has the fewest parameters."""
        return min(self._corner_points(), key=lambda point: self.spec(point).params)

    def params_range(self) -> tuple[int, int]:
        """Return the fewest and the most parameters of a network within the limits."""
        counts = [self.spec(point).params for point in self._corner_points()]
        limit = self.config.max_params or max(counts)
        return min(counts), max(min(limit, max(counts)), min(counts))

    def over_limit(self, spec: MgNetSpec) -> str | None:
        """Return why ``spec`` may not be tried, or None: a limit, its value and the spec's."""
        if self.config.max_params is not None and spec.params > self.config.max_params:
            return f"params {spec.params} > max_params {self.config.max_params}"
        if self.config.max_macs is not None and (macs := spec.macs(self.image_size)) > self.config.max_macs:
            return f"macs {macs} > max_macs {self.config.max_macs}"
        return None


def _of_level(domains: tuple[Choice | IntRange, ...], index: int) -> Choice | IntRange:
    return domains[0] if len(domains) == 1 else domains[index]
