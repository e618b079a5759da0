"""The DataFrames of a study: its front, its trials and its learning curves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from results.columns import CURVES, FACTS, POINT, TRIALS, Column, Dtype
from results.storage.objectives import COSTS, Objectives
from results.storage.records import POINT_COLUMNS, TRAINING, TrialRecord
from space.core.reports import EpochReport, TrainingCosts

if TYPE_CHECKING:
    import pandas as pd

HYPERPARAMETER = "hyperparameter_"
"""The prefix of the columns of hyperparameters in ``trials``."""
COST_COLUMNS = tuple(
    Column(cost.name, "float64", f"{cost.heading}; missing where it was not measured")
    for cost in COSTS.values()
    if cost.name not in POINT_COLUMNS
)
"""The further costs that ``front`` can have, one column for each one that is an objective or limited."""


def front_frame(front: Sequence[TrialRecord], objectives: Objectives) -> pd.DataFrame:
    """Return a front with the columns of ``front.csv``, one row for each network."""
    costs = [column for column in COST_COLUMNS if column.name in objectives.columns]
    costs.sort(key=lambda column: objectives.columns.index(column.name))
    rows = [trial.point(objectives.columns) for trial in front]
    return frame((*POINT, *costs), rows, TRAINING)


def trials_frame(trials: Iterable[TrialRecord], on_front: Collection[int]) -> pd.DataFrame:
    """Return one row for each trial, in the order given; ``on_front`` holds the numbers of the front's trials."""
    return frame(TRIALS, [_trial_row(trial, trial.number in on_front) for trial in trials], HYPERPARAMETER)


def _trial_row(trial: TrialRecord, is_on_front: bool) -> dict[str, Any]:
    facts = {column.name: getattr(trial, column.name) for column in FACTS if column.name != "on_front"}
    hyperparameters = {f"{HYPERPARAMETER}{name}": value for name, value in trial.hyperparameters.items()}
    unknown = dict.fromkeys(one.name for one in fields(TrainingCosts))
    costs = vars(trial.training_costs) if trial.training_costs else unknown
    point = {column.name: getattr(trial, column.name) for column in POINT[1:]}
    whose = {"trial": trial.number, "on_front": is_on_front}
    return whose | point | facts | vars(trial.network_costs) | costs | hyperparameters


def curves_frame(reports: Mapping[int, Sequence[EpochReport]]) -> pd.DataFrame:
    """Return one row for each epoch of each trial; ``reports`` maps trial numbers to epochs."""
    return frame(
        CURVES,
        [{"trial": trial} | vars(report) for trial, epochs in reports.items() for report in epochs],
    )


def frame(
    columns: Sequence[Column], rows: Sequence[Mapping[str, Any]], prefix: str | None = None
) -> pd.DataFrame:
    """Return rows as a DataFrame with these columns and their dtypes.

    Args:
        columns: The columns of every such frame; a row has a value or None for each.
        rows: The rows.
        prefix: The prefix of further columns, the searched hyperparameters, which a row may lack.
    """
    import pandas as pd

    data = {
        column.name: pd.Series([row[column.name] for row in rows], dtype=column.dtype) for column in columns
    }
    if prefix is not None:
        for name in _names(rows, prefix):
            values = [row.get(name) for row in rows]
            dtype = value_dtype(values)
            if dtype == "string":
                values = [None if value is None else str(value) for value in values]
            data[name] = pd.Series(values, dtype=dtype)
    return pd.DataFrame(data)


def _names(rows: Sequence[Mapping[str, Any]], prefix: str) -> Iterator[str]:
    """Return the keys with a prefix, in the order of their first row."""
    yield from dict.fromkeys(name for row in rows for name in row if name.startswith(prefix))


def value_dtype(values: Iterable[Any]) -> Dtype:
    """Return the dtype of a searched hyperparameter from its values; None is a missing value.

    It is ``boolean`` or ``Int64`` if all values are of this kind, ``float64`` for other numbers, and else
    ``string``. It does not depend on whether values are missing.
    """
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "Int64"
    return "float64" if kinds and kinds <= {int, float} else "string"
