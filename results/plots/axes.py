"""Axis ranges and ticks, and the accuracies and costs that they show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import quantiles

from results.front import accuracy, complete_trials
from results.storage.objectives import Cost
from results.storage.records import TrialRecord
from space.core.text import short_count

Range = tuple[float, float]

_LOG_STEPS = ((1.0, 1.5, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 3.0, 5.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
_LEAST_GAP = 0.11


def accuracies(trials: Sequence[TrialRecord]) -> list[float]:
    """Return the validation accuracies of the complete trials in percent."""
    return [100 * accuracy(trial) for trial in complete_trials(trials)]


def short_cost(cost: Cost, value: float) -> str:
    """Return a value of a cost in a few characters, with its unit."""
    unit = cost.unit
    short = f"{value:.3g}" if unit and value < 999.5 else short_count(value)
    return f"{short} {unit}" if unit else short


def whole_range(values: Sequence[float]) -> Range:
    """Return a range of accuracies in percent that includes all values, with a margin."""
    low, high = (min(values), max(values)) if values else (0.0, 100.0)
    air = max(0.06 * (high - low), 0.4)
    return low - air, min(high + air, 100 + 0.35 * air)


def focus_range(values: Sequence[float], keep: Sequence[float] = ()) -> Range:
    """Return a range of accuracies in percent without low outliers, which would compress the others.

    The range extends below the lower quartile by 1.5 times the interquartile range, and by up to three times
    for the values to ``keep``.
    """
    if len(values) < 4:
        return whole_range(values)
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    spread = max(upper - lower, 0.5)
    kept = [value for value in values if value >= lower - 1.5 * spread]
    kept += [value for value in keep if value >= lower - 3 * spread]
    return whole_range(kept)


def log_range(values: Sequence[float]) -> Range:
    """Return a range of base-10 logarithms that includes all (positive) values, with a margin."""
    low, high = (math.log10(min(values)), math.log10(max(values))) if values else (3.0, 6.0)
    air = max(0.04 * (high - low), 0.05)
    return low - air, high + air


def log_ticks(low: float, high: float) -> list[float]:
    """Return at most ten round numbers from ``low`` to ``high`` (positive) for a logarithmic axis.

    The distance of neighbours is at least a ninth of the axis, enough for labels on a phone.
    """
    if high < 2.5 * low:
        return linear_ticks(low, high, most=6)
    least = (high / low) ** _LEAST_GAP
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in _LOG_STEPS:
        ticks = [step * 10.0**decade for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if all(right >= left * least for left, right in pairwise(ticks)):
            return ticks
    return ticks[:: math.ceil(len(ticks) * _LEAST_GAP)]


def linear_ticks(low: float, high: float, most: int = 8) -> list[float]:
    """Return at most ``most`` + 1 round numbers from ``low`` to ``high`` (low < high) for a linear axis."""
    rough = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(count * step, 10) for count in range(first, last + 1)]


def percent_ticks(low: float, high: float) -> list[float]:
    """Return round numbers from ``low`` to ``high`` for an axis in percent, between 0 and 100."""
    return [tick for tick in linear_ticks(low, high) if 0 <= tick <= 100]
