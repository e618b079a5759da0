"""A prior of the error, transferred from an earlier study on any images and any search space."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.frontier.config import DEFAULTS
from search.frontier.models.gaussian_process import GaussianProcess, Inputs
from search.frontier.models.learning_curves import as_rows, final_values
from search.frontier.threads import one_thread
from space.networks.counts import Counts
from space.networks.spec import Spec

Array = NDArray[np.float64]


@dataclass(frozen=True)
class EarlierTrial:
    """A trial of the earlier study: spec as plain data, counts, and errors by epoch."""

    spec: dict[str, Any]
    params: int
    macs: int
    errors: tuple[float, ...]
    is_complete: bool


class TransferredPrior:
    """A Gaussian process over the errors of an earlier study.

    Predictions are in standard deviations of its errors. Only their order and spacing carry over: the error model of
    the new study learns their weight.
    """

    def __init__(self, trials: Sequence[EarlierTrial]) -> None:
        trials = [trial for trial in trials if trial.errors]
        trials = trials[:: math.ceil(len(trials) / DEFAULTS.transfer_max_trials) or 1]
        self._columns: list[tuple[str, Any]] = []
        self._process: GaussianProcess | None = None
        if len(trials) < DEFAULTS.transfer_min_trials:
            return
        flat = [_flatten(trial.spec) for trial in trials]
        self._columns = _columns(flat)
        costs = np.log([(trial.params, trial.macs) for trial in trials])
        by_epoch = [dict(enumerate(trial.errors, 1)) for trial in trials]
        curves = as_rows(by_epoch, max(map(len, by_epoch)))
        is_final = np.array([trial.is_complete for trial in trials], dtype=bool)
        finals = final_values(curves, costs, is_final)
        inputs = Inputs(self._rows(flat), costs)
        names = {name: place for place, name in enumerate(dict.fromkeys(name for name, _ in self._columns))}
        groups = np.array([names[name] for name, _ in self._columns], dtype=np.intp)
        with one_thread():
            self._process = GaussianProcess(inputs, finals.values, finals.variances, groups)
        self._mean = float(finals.values.mean())
        self._scale = float(finals.values.std()) or 1.0

    @property
    def is_informative(self) -> bool:
        """Whether the earlier study has enough trials."""
        return self._process is not None

    def predicted_error(self, spec: Spec, counts: Counts) -> float:
        """Return the predicted error, in standard deviations from the mean of the earlier study."""
        assert self._process is not None
        costs = np.log([[counts.params, counts.macs]])
        with one_thread():
            mean, _ = self._process.predict(Inputs(self._rows([_flatten(spec.to_dict())]), costs))
        return (float(mean[0]) - self._mean) / self._scale

    def _rows(self, flat: Sequence[dict[str, Any]]) -> Array:
        rows = np.zeros((len(flat), len(self._columns)))
        for row, values in enumerate(flat):
            for column, (name, category) in enumerate(self._columns):
                value = values.get(name)
                if category is not None:
                    rows[row, column] = math.sqrt(0.5) * (value == category)
                elif isinstance(value, (int, float)):
                    rows[row, column] = math.log2(1.0 + abs(value)) / 4.0
        return rows


def _flatten(data: Any, name: str = "") -> dict[str, Any]:
    """Return the leaves of nested data by their dotted path."""
    if isinstance(data, dict):
        items = [(f"{name}.{key}", value) for key, value in data.items()]
    elif isinstance(data, (list, tuple)):
        items = [(f"{name}.{place}", value) for place, value in enumerate(data)]
    else:
        return {name: data}
    found: dict[str, Any] = {}
    for path, value in items:
        found |= _flatten(value, path)
    return found


def _columns(flat: Sequence[dict[str, Any]]) -> list[tuple[str, Any]]:
    """Return (path, None) for each number that varies between specs, (path, category) for each category."""
    columns: list[tuple[str, Any]] = []
    for name in sorted({name for values in flat for name in values}):
        seen = {values.get(name) for values in flat}
        if len(seen) < 2:
            continue
        words = sorted({value for value in seen if isinstance(value, (str, bool))}, key=str)
        columns += [(name, word) for word in words] or [(name, None)]
    return columns
