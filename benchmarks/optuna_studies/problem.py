"""A problem of an Optuna study: its parameters, its objectives, and what is known of them before a trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

Values = tuple[float, ...]
Costs = Callable[[Mapping[str, Any]], Values]


@dataclass(frozen=True)
class StudyProblem:
    """A problem whose objectives are all minimised.

    Attributes:
        name: The name.
        suggest: Suggests the parameters of a trial.
        evaluate: Returns the objectives for parameters and the seed of the trial, the first one with its noise.
        scale: Maps objectives to the coordinates of the hypervolume, n x m; without noise where it is known.
        reference: The reference point in these coordinates.
        costs: All objectives but the first, known before a trial; None if they are not.
        best: The best possible hypervolume; None if it is unknown.
        trials: The number of trials of a run.
        is_finite: Whether no parameter is continuous.
    """

    name: str
    suggest: Callable[[optuna.Trial], dict[str, Any]]
    evaluate: Callable[[Mapping[str, Any], int], Values]
    reference: Values
    scale: Callable[[Sequence[Values], Sequence[Mapping[str, Any]]], NDArray[np.float64]] = field(
        default=lambda values, _: np.asarray(values, dtype=np.float64)
    )
    costs: Costs | None = None
    best: float | None = None
    trials: int = 100
    is_finite: bool = False
