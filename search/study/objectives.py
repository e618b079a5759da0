"""The costs that a study weighs accuracy against: what is counted, what is measured, what stands in."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from results.storage.objectives import COSTS, cost_of
from results.storage.records import TrialRecord
from space.networks.counts import Counts
from space.search_space import SearchSpace

Costs = tuple[float, ...]


def no_energy(device: str) -> str:
    """Return why a study that asks for training energy cannot be trained on a device."""
    return (
        f"training energy is a cost or a limit of this study, but nobody tells it on {device}: it takes "
        "an NVIDIA GPU and the package nvidia-ml-py"
    )


def counted_costs(names: Sequence[str], space: SearchSpace) -> Callable[[Counts], Costs]:
    """Return the function from a network's counts to its costs; NaN stands for one that is measured."""

    def costs(counts: Counts) -> Costs:
        return tuple(_counted(name, counts, space) for name in names)

    return costs


def _counted(name: str, counts: Counts, space: SearchSpace) -> float:
    return math.nan if COSTS[name].is_measured else space.cost(name, counts)


def known_costs(names: Sequence[str], record: TrialRecord) -> Costs:
    """Return what is known of a trial's costs; NaN stands for one that has not been measured."""
    found = (cost_of(record, name) for name in names)
    return tuple(math.nan if value is None else value for value in found)


def stand_in_costs(names: Sequence[str], record: TrialRecord) -> Costs:
    """Return a trial's costs before anything is measured: MACs stand in for latency and energy."""
    return tuple(
        float(record.macs) if COSTS[name].is_measured else cost_of(record, name) or 0.0 for name in names
    )


def header_ranges(names: Sequence[str], space: SearchSpace) -> dict[str, tuple[float, float] | None]:
    """Return ``StudyHeader.cost_ranges``: the lowest and highest of each cost within the limits of a space.

    Measured ones have None there, and where there are only parameters it is empty.
    """
    if tuple(names) == ("params",):
        return {}
    return {name: None if COSTS[name].is_measured else space.cost_range(name) for name in names}
