"""A search space: which networks a study may try, and how a choice for every knob becomes a spec."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Callable, Iterator
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from space.counts import Size, as_size
from space.domains import (
    Choice,
    DataWidth,
    Domain,
    IntRange,
    PerLevel,
    SharingDomain,
    Value,
    check_positive,
)
from space.errors import InvalidInputError
from space.mgnet import Level, MgNetSpec

Point = dict[str, Value]
Choose = Callable[[str, Choice | IntRange], Value]
Knob = Choice | IntRange | tuple[Choice | IntRange, ...] | Literal["c_u"]

AT_MOST = {"levels": 32, "nu": 1_000, "c_u": 10**9, "c_f": 10**9}
"""The largest numbers of a space: beyond them lie no networks, only counts that never come to an end."""


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
    max_params: int | None = Field(default=None, gt=0, le=10**18)
    max_macs: int | None = Field(default=None, gt=0, le=10**18)

    @field_validator("levels", "nu", "c_u", "c_f")
    @classmethod
    def _in_range(cls, value: Knob, info: ValidationInfo) -> Knob:
        if value != "c_u":
            assert info.field_name is not None
            check_positive(value if isinstance(value, tuple) else [value], AT_MOST[info.field_name])
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        depth = int(self.levels.largest)
        for name in ("nu", "c_u", "c_f"):
            domains = getattr(self, name)
            if domains != "c_u" and len(domains) not in (1, depth):
                raise ValueError(
                    f"{name} needs one domain for all levels or {depth}, one for each, but got {len(domains)}"
                )
        return self


class SearchSpace:
    """The networks of a ``SpaceConfig`` for images of one kind.

    A point of the space is a dictionary ``knob -> value`` with the knobs ``levels, nu_1, c_u_1, c_f_1, ...,
    share_a, share_b``. Knobs with a single value are not part of it.

    Parameters grow with every iteration and channel, and with ``iteration`` in place of ``level``; MACs
    grow with the former and do not depend on the latter. So among the networks of one depth that with
    every knob at its smallest value is the smallest by either count.
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
        """Identity of the space, limits and image format included: 12 hexadecimal digits.

        What equals its default is left out, so a key that is added later, with a default that changes
        nothing, leaves the identities of old spaces as they are. Defaults must never change.
        """
        config = self.config.model_dump(mode="json", exclude_defaults=True)
        data = [config, self.in_channels, self.num_classes, as_size(self.image_size)]
        text = json.dumps(data, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def draw(self, choose: Choose) -> MgNetSpec:
        """Return the canonical spec made by asking ``choose(knob, domain)`` for every knob not fixed.

        Knobs are asked for in a fixed order, and those of a level only if the network has that level.
        """

        def pick(knob: str, domain: Choice | IntRange) -> Value:
            return domain.smallest if domain.size == 1 else choose(knob, domain)

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

    def spec(self, point: Point) -> MgNetSpec:
        """Return the spec of a point; raises KeyError if a knob of it is missing."""
        return self.draw(lambda knob, _domain: point[knob])

    def sample(self, rng: random.Random) -> Point:
        """Return a point with every knob drawn uniformly from its domain; limits are not looked at."""
        point: Point = {}

        def choose(knob: str, domain: Choice | IntRange) -> Value:
            point[knob] = domain.value_of_rank(rng.randrange(domain.size))
            return point[knob]

        self.draw(choose)
        return point

    def knobs(self, depth: int | None = None) -> dict[str, Choice | IntRange]:
        """Return the knobs that are not fixed with their domains, for networks of ``depth`` levels or all."""
        found: dict[str, Choice | IntRange] = {}
        target = depth if depth is not None else self.config.levels.largest

        def choose(knob: str, domain: Choice | IntRange) -> Value:
            found[knob] = domain
            return target if knob == "levels" else domain.smallest

        self.draw(choose)
        return found

    def _depths(self) -> list[int]:
        return sorted(int(value) for value in self.config.levels.values())

    def size(self) -> int:
        """Return the number of points; networks with several spellings count as often."""
        return sum(
            math.prod(domain.size for knob, domain in self.knobs(depth).items() if knob != "levels")
            for depth in self._depths()
        )

    def points(self) -> Iterator[Point]:
        """Yield every point once, in a fixed order, none of them made before it is asked for.

        Networks of few levels come first; then every knob climbs from its smallest value (``level`` before
        ``iteration``), and the last knob, in the order of ``draw``, changes fastest.
        """
        return self._climb_all(lambda _point: True)

    def feasible_points(self) -> Iterator[Point]:
        """Yield, in the order of ``points``, every point whose network is within the limits.

        Where the remaining knobs at their smallest do not fit, nothing larger does: a branch without a
        feasible point is never entered, so the time is that of the points yielded, whatever the size of
        the space. Networks with several spellings come as often.
        """
        if self.config.max_params is None and self.config.max_macs is None:
            return self.points()
        return self._climb_all(lambda point: self.over_limit(self.spec(point)) is None)

    def _climb_all(self, fits: Callable[[Point], bool]) -> Iterator[Point]:
        for depth in self._depths():
            lowest = self._end(depth, largest=False)
            if fits(lowest):
                knobs = [(knob, domain) for knob, domain in self.knobs(depth).items() if knob != "levels"]
                yield from _climb(lowest, knobs, fits)

    def _end(self, depth: int, *, largest: bool) -> Point:
        """Return the point of this depth with every knob at its smallest, or largest, value."""
        point: Point = {}
        for knob, domain in self.knobs(depth).items():
            point[knob] = domain.largest if largest else domain.smallest
        return point | {"levels": depth} if "levels" in point else point

    def _smallest_points(self) -> list[Point]:
        return [self._end(depth, largest=False) for depth in self._depths()]

    def smallest_point(self) -> Point:
        """Return the point whose network has the fewest parameters."""
        return min(self._smallest_points(), key=lambda point: self.spec(point).params)

    def params_range(self) -> tuple[int, int]:
        """Return the fewest parameters of a network and the most, or ``max_params`` if that is less."""
        low = self.spec(self.smallest_point()).params
        high = max(self.spec(self._end(depth, largest=True)).params for depth in self._depths())
        return low, min(high, self.config.max_params or high)

    def check_feasible(self) -> None:
        """Raise InvalidInputError if no network of the space is within the limits."""
        specs = [self.spec(point) for point in self._smallest_points()]
        if any(self.over_limit(spec) is None for spec in specs):
            return
        max_params, max_macs = self.config.max_params, self.config.max_macs
        fewest_params = min(spec.params for spec in specs)
        fewest_macs = min(spec.macs(self.image_size) for spec in specs)
        if max_params is not None and fewest_params > max_params:
            raise InvalidInputError(
                f"space.max_params = {max_params}, but the smallest network of this space has "
                f"{fewest_params} parameters"
            )
        if max_macs is not None and fewest_macs > max_macs:
            height, width = as_size(self.image_size)
            raise InvalidInputError(
                f"space.max_macs = {max_macs}, but the smallest network of this space has "
                f"{fewest_macs} MACs on images of {height} x {width}"
            )
        raise InvalidInputError(
            f"space.max_params = {max_params} and space.max_macs = {max_macs}, but no network of this space "
            f"is within both: raise one of them"
        )

    def over_limit(self, spec: MgNetSpec) -> str | None:
        """Return why ``spec`` may not be tried, or None: a limit, its value and the spec's."""
        if self.config.max_params is not None and spec.params > self.config.max_params:
            return f"params {spec.params} > max_params {self.config.max_params}"
        if self.config.max_macs is not None and (macs := spec.macs(self.image_size)) > self.config.max_macs:
            return f"macs {macs} > max_macs {self.config.max_macs}"
        return None


def _of_level(domains: tuple[Choice | IntRange, ...], index: int) -> Choice | IntRange:
    return domains[0] if len(domains) == 1 else domains[index]


def _climb(
    point: Point, knobs: list[tuple[str, Choice | IntRange]], fits: Callable[[Point], bool]
) -> Iterator[Point]:
    """Yield every fitting point that differs from ``point`` in ``knobs`` only.

    ``point`` fits and has them at their smallest; where a point does not fit, no larger one may.
    """
    if not knobs:
        yield dict(point)
        return
    knob, domain = knobs[0]
    for rank in range(domain.size):
        raised = point | {knob: domain.value_of_rank(rank)}
        if rank and not fits(raised):
            return
        yield from _climb(raised, knobs[1:], fits)
