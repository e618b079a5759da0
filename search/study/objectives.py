"""The objectives of a study besides accuracy: counted costs, measured costs, and their proxies."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from results.storage.objectives import COSTS
from results.storage.records import TrialRecord
from space.networks.counts import Counts
from space.search_space import SearchSpace

Costs = tuple[float, ...]


def no_energy(device: str) -> str:
    """Return the error message for a study of training energy on a device that cannot measure it."""
    return (
        f"energy_j cannot be measured on {device}; it needs an NVIDIA GPU and the package nvidia-ml-py "
        "(remove energy_j from search.costs, and search.max_energy_j)"
    )


def counted_costs(names: Sequence[str], space: SearchSpace) -> Callable[[Counts], Costs]:
    """Return the function from a network's counts to its costs; measured costs are NaN."""

    def costs(counts: Counts) -> Costs:
        return tuple(math.nan if COSTS[name].is_measured else space.cost(name, counts) for name in names)

    return costs


def proxy_costs(names: Sequence[str], record: TrialRecord) -> Costs:
    """Return the costs of a trial with MACs as a proxy of latency and energy."""
    return tuple(float(record.macs) if COSTS[name].is_measured else COSTS[name].of(record) for name in names)


def header_ranges(names: Sequence[str], space: SearchSpace) -> dict[str, tuple[float, float] | None]:
    """Return ``StudyHeader.cost_ranges``: the range of each cost within the limits of a space.

    A measured cost has None. If parameters are the only cost, the result is empty.
    """
    if tuple(names) == ("params",):
        return {}
    return {name: None if COSTS[name].is_measured else space.cost_range(name) for name in names}
