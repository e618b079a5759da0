"""What accuracy is weighed against: the costs of a network, by their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from results.storage.records import TrialRecord
from space.core.errors import InvalidInputError, nearest, shown

CostName = Literal["params", "macs", "activation_mib", "latency_ms", "energy_j"]
"""The costs that a study may weigh accuracy against."""
COST_NAMES: tuple[CostName, ...] = get_args(CostName)

Ranges = Mapping[str, tuple[float, float] | None]
"""For each cost of a study its lowest and highest value in the space; None where that is not known before."""


@dataclass(frozen=True)
class CostKind:
    """How people know a cost. What ``is_measured`` is known of a network only when it has been run."""

    title: str
    unit: str = ""
    is_measured: bool = False

    @property
    def heading(self) -> str:
        """The title with the unit, for a column or an axis."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    def text(self, value: float | None) -> str:
        """Return a value in full, without its unit; a dash for one that was not measured."""
        if value is None:
            return "–"
        return f"{value:#.3g}" if self.unit and value < 99.95 else f"{value:,.0f}"


COSTS: dict[str, CostKind] = {
    "params": CostKind("parameters"),
    "macs": CostKind("MACs"),
    "activation_mib": CostKind("activation memory", "MiB"),
    "latency_ms": CostKind("latency", "ms", is_measured=True),
    "energy_j": CostKind("training energy", "J", is_measured=True),
}
"""Every cost. Activation memory is that of a training step of the study's largest batch, latency that of one
image on a worker's device, energy that of a whole training."""


def check_costs(names: object) -> None:
    """Raise InvalidInputError unless ``names`` are costs, in a list or tuple."""
    known = ", ".join(COST_NAMES)
    if not isinstance(names, (list, tuple)) or not names:
        raise InvalidInputError(f"costs must be a list of one or more of {known}, but got {shown(names)}")
    for name in names:
        if name not in COSTS:
            raise InvalidInputError(
                f"a cost must be one of {known}, but got {shown(name)}{nearest(str(name), COST_NAMES)}"
            )


def cost_of(trial: TrialRecord, name: str) -> float | None:
    """Return a cost of a trial's network; None where it has not been measured."""
    if name in ("params", "macs"):
        return float(getattr(trial, name))
    return trial.measured.get(name)


def costs_of(trial: TrialRecord, names: tuple[str, ...]) -> tuple[float, ...] | None:
    """Return several costs of a trial's network; None where any has not been measured."""
    found = tuple(value for name in names if (value := cost_of(trial, name)) is not None)
    return found if len(found) == len(names) else None
