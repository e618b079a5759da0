"""Groups of trials by the value of a hyperparameter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from results.storage.records import HyperparameterValue, TrialRecord

MIN_GROUP = 3
"""Values with fewer trainings are left out of all estimates."""
_MAX_GROUPS = 6
_MOST_FIGURES = 17


def with_company(
    chosen: list[int], trials: Sequence[TrialRecord], hyperparameter: str
) -> tuple[list[int], tuple[tuple[str, int], ...]]:
    """Return the trials in groups of at least ``MIN_GROUP``, and the labels and sizes of the other groups."""
    if not chosen:
        return chosen, ()
    labels, member = groups([trials[i] for i in chosen], hyperparameter)
    counts = np.bincount(member, minlength=len(labels))
    left_out = tuple((labels[g], int(counts[g])) for g in np.flatnonzero(counts < MIN_GROUP))
    return [i for i, group in zip(chosen, member, strict=True) if counts[group] >= MIN_GROUP], left_out


def groups(trials: Sequence[TrialRecord], hyperparameter: str) -> tuple[list[str], NDArray[np.intp]]:
    """Return the labels of the groups and the group of each trial. Many numeric values form ranges."""
    counts = Counter(t.hyperparameters[hyperparameter] for t in trials)
    values = sorted(counts, key=lambda value: (isinstance(value, str), value))
    runs: list[list[HyperparameterValue]] = [[value] for value in values]
    if len(values) > _MAX_GROUPS and not any(isinstance(value, str) for value in values):
        runs = _ranges(values, counts)
    labels = _labels(runs, 3)
    place = {value: index for index, run in enumerate(runs) for value in run}
    return labels, np.array([place[t.hyperparameters[hyperparameter]] for t in trials], dtype=np.intp)


def _ranges(
    values: Sequence[HyperparameterValue], counts: Counter[HyperparameterValue]
) -> list[list[HyperparameterValue]]:
    """Return at most ``_MAX_GROUPS`` ranges with similar numbers of trials, at least ``MIN_GROUP`` each."""
    # values by the quantile of their middle trial
    shares: dict[int, list[HyperparameterValue]] = {}
    filled, total = 0, sum(counts.values())
    for value in values:
        middle = filled + counts[value] / 2
        shares.setdefault(int(middle * _MAX_GROUPS / total), []).append(value)
        filled += counts[value]
    runs = list(shares.values())
    while len(runs) > 1:
        sizes = [sum(counts[value] for value in run) for run in runs]
        least = sizes.index(min(sizes))
        if sizes[least] >= MIN_GROUP:
            break
        sides = [side for side in (least - 1, least + 1) if 0 <= side < len(runs)]
        left = min(least, min(sides, key=lambda side: sizes[side]))
        runs[left : left + 2] = [runs[left] + runs[left + 1]]
    return runs


def _labels(runs: Sequence[Sequence[HyperparameterValue]], figures: int) -> list[str]:
    """Return a distinct label for each range of values, with at least ``figures`` significant digits."""
    ends = [[_label(run[0], figures), _label(run[-1], figures)] for run in runs]
    labels = ["–".join(dict.fromkeys(pair)) for pair in ends]
    is_clear = len(set(labels)) == len(labels) or figures == _MOST_FIGURES
    return labels if is_clear else _labels(runs, figures + 1)


def _label(value: HyperparameterValue, figures: int) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and figures < _MOST_FIGURES:
        return f"{value:.{figures}g}"
    return str(value)
