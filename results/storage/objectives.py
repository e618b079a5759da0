"""The objectives of a study: validation accuracy, which is maximised, and the costs, which are minimised."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from results.storage.records import POINT_COLUMNS, StudyHeader, TrialRecord
from space.core.errors import InvalidInputError, nearest, shown

CostName = Literal["params", "macs", "activation_mib", "flash_kib", "sram_kib", "latency_ms", "energy_j"]
"""The costs that a study may minimise."""
COST_NAMES: tuple[CostName, ...] = get_args(CostName)


@dataclass(frozen=True)
class Cost:
    """One cost of a network.

    Attributes:
        name: The name in configurations, records and columns.
        title: The name in text.
        unit: The unit; empty for counts.
        is_measured: Whether only a measurement gives its value; other costs follow from the network.
    """

    name: CostName
    title: str
    unit: str = ""
    is_measured: bool = False

    @property
    def heading(self) -> str:
        """The title with the unit, for a column or an axis."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def of(self, trial: TrialRecord) -> float:
        """Return the cost of a trial's network; NaN if it is unknown."""
        value = trial.cost(self.name)
        return math.nan if value is None else float(value)

    def text(self, value: float) -> str:
        """Return a value without its unit; a dash for NaN."""
        if math.isnan(value):
            return "–"
        return f"{value:#.3g}" if self.unit and value < 99.95 else f"{value:,.0f}"


COSTS: dict[str, Cost] = {
    cost.name: cost
    for cost in (
        Cost("params", "parameters"),
        Cost("macs", "MACs"),
        Cost("activation_mib", "activation memory of training", "MiB"),
        Cost("flash_kib", "flash", "KiB"),
        Cost("sram_kib", "SRAM", "KiB"),
        Cost("latency_ms", "latency", "ms", is_measured=True),
        Cost("energy_j", "training energy", "J", is_measured=True),
    )
}
"""All costs by name. Activation memory is that of a training step of the study's largest batch; it says nothing
about inference. Flash and SRAM are constants and static memory of the int8 C code for one image. Latency is that of
one image on a worker's device, energy that of a whole training."""

Range = tuple[float, float]
"""The lowest and the highest value of a cost."""


@dataclass(frozen=True)
class Objectives:
    """The costs of a study in order, with their reference ranges.

    A value of a cost is a float, and NaN if it is unknown. Records and JSON have None instead.

    Attributes:
        ranges: For each cost its lowest and highest value in the search space, the reference of the
            hypervolume; None for measured costs, whose range is unknown before the search.
        limits: The limits of the study, by cost. They are no objectives; tables show these costs too.

    Raises:
        InvalidInputError: There is no cost, or one is unknown.
    """

    ranges: Mapping[str, Range | None]
    limits: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_names(tuple(self.ranges))

    @classmethod
    def named(cls, names: Sequence[str]) -> Objectives:
        """Return objectives without reference ranges, for fronts and tables.

        Raises:
            InvalidInputError: ``names`` is not a list or tuple of one or more costs.
        """
        _check_names(names)
        return cls(dict.fromkeys(names))

    @classmethod
    def of(cls, header: StudyHeader) -> Objectives:
        """Return the objectives of a study."""
        return cls(header.cost_ranges or {"params": header.params_range}, limits_of(header.config))

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the costs."""
        return tuple(self.ranges)

    @property
    def costs(self) -> tuple[Cost, ...]:
        """The costs; the first one orders the front."""
        return tuple(COSTS[name] for name in self.ranges)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the costs in JSON, CSV and DataFrames of a front: objectives, then limited costs."""
        limited = (name for name in self.limits if name not in POINT_COLUMNS)
        return tuple(dict.fromkeys((*self.ranges, *limited)))

    @property
    def shown(self) -> tuple[Cost, ...]:
        """The costs in tables: parameters, MACs, then the further ones."""
        return tuple(COSTS[name] for name in dict.fromkeys(("params", "macs", *self.columns)))

    @property
    def is_params(self) -> bool:
        """Whether parameters are the only cost."""
        return self.names == ("params",)

    def values(self, trial: TrialRecord) -> tuple[float, ...]:
        """Return the costs of a trial's network in order; NaN for each unknown one."""
        return tuple(cost.of(trial) for cost in self.costs)

    def are_known(self, trial: TrialRecord) -> bool:
        """Return whether all costs of a trial's network are known."""
        return not any(map(math.isnan, self.values(trial)))

    def resolved(self, trials: Iterable[TrialRecord]) -> Objectives:
        """Return the objectives with unknown ranges replaced by those of the trials whose costs are all known."""
        known = [self.values(trial) for trial in trials if self.are_known(trial)]
        columns = list(zip(*known, strict=True)) or [(1.0,)] * len(self.ranges)
        found = zip(self.ranges.items(), columns, strict=True)
        ranges = {name: bounds or (min(seen), max(seen)) for (name, bounds), seen in found}
        return Objectives(ranges, self.limits)


def limits_of(config: Mapping[str, Any]) -> dict[str, float]:
    """Return the limits of a study with this configuration, by cost."""
    found: dict[str, float] = {}
    for cost in COSTS.values():
        section = config.get("search" if cost.is_measured else "space")
        limit = section.get(f"max_{cost.name}") if isinstance(section, Mapping) else None
        if isinstance(limit, (int, float)):
            found[cost.name] = limit
    return found


def _check_names(names: object) -> None:
    """Raise InvalidInputError unless ``names`` is a list or tuple of one or more costs."""
    known = ", ".join(COST_NAMES)
    if not isinstance(names, (list, tuple)) or not names:
        raise InvalidInputError(f"costs must be a list of one or more of {known}, but got {shown(names)}")
    for name in names:
        if name not in COSTS:
            raise InvalidInputError(
                f"a cost must be one of {known}, but got {shown(name)}{nearest(str(name), COST_NAMES)}"
            )


PARAMS = Objectives.named(("params",))
"""The default: accuracy against parameters."""
