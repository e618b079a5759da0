"""Tables of mgnas: validation error of a network against its parameters, which are known before the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from benchmarks.flat_table import REFERENCE, flat_table
from benchmarks.optuna_studies.problem import StudyProblem, Values


def recorded_table(name: str) -> StudyProblem:
    """Return the problem of a table. A trial is a whole recorded training; numbers are suggested by rank."""
    table = flat_table(name)

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        return {
            hyperparameter: trial.suggest_int(hyperparameter, 0, domain.size - 1)
            if domain.is_ordered
            else trial.suggest_categorical(hyperparameter, range(domain.size))
            for hyperparameter, domain in table.domains.items()
        }

    def ranks(params: Mapping[str, Any]) -> tuple[int, ...]:
        return tuple(params[hyperparameter] for hyperparameter in table.domains)

    def costs(params: Mapping[str, Any]) -> Values:
        return (table.params(ranks(params)),)

    def evaluate(params: Mapping[str, Any], seed: int) -> Values:
        return (1 - table.curve(ranks(params), seed).val_accuracy[-1], *costs(params))

    def scale(_: Sequence[Values], params: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        return np.array([table.place(ranks(one)) for one in params]).reshape(-1, 2)

    return StudyProblem(
        f"table {name}",
        suggest,
        evaluate,
        REFERENCE,
        scale,
        costs,
        best=table.best,
        trials=100,
        is_finite=True,
    )
