"""The DataFrames of a study: its front, its trials and its learning curves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from results.storage.objectives import Objectives
from results.storage.records import POINT_COLUMNS, NetworkCosts, TrialRecord, point_columns
from space.core.reports import EpochReport, TrainingCosts

if TYPE_CHECKING:
    import pandas as pd

TRIAL_COLUMNS = ("reference", "state", "on_front", "reason", "started_s", "finished_s", "train_s")
"""Columns of ``trials_frame`` after those of a point."""
NETWORK_COSTS = tuple(one.name for one in fields(NetworkCosts))
TRAINING_COSTS = tuple(one.name for one in fields(TrainingCosts))
CURVE_COLUMNS = ("trial", "epoch", "train_loss", "val_loss", "val_accuracy", "seconds")


def front_frame(front: Sequence[TrialRecord], objectives: Objectives) -> pd.DataFrame:
    """Return a front with the columns of ``front.csv``, one row for each network."""
    import pandas as pd

    rows = [trial.point(objectives.names) for trial in front]
    return pd.DataFrame(rows, columns=point_columns(objectives.names, front))


def trials_frame(trials: Iterable[TrialRecord], on_front: Collection[int]) -> pd.DataFrame:
    """Return one row for each trial, in the order given; ``on_front`` holds the numbers of the front's trials."""
    import pandas as pd

    rows = [_trial_row(trial, trial.number in on_front) for trial in trials]
    columns = [*POINT_COLUMNS, *TRIAL_COLUMNS, *NETWORK_COSTS, *TRAINING_COSTS]
    frame = pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
    numbers = ["finished_s", *NETWORK_COSTS, *TRAINING_COSTS]
    frame[numbers] = frame[numbers].astype(float)  # a column of None alone would hold objects
    for text in ("reference", "reason"):  # pandas would write NaN for None
        frame[text] = pd.Series([row[text] for row in rows], dtype=object)
    return frame


def _trial_row(trial: TrialRecord, is_on_front: bool) -> dict[str, Any]:
    facts = {
        "reference": trial.reference,
        "state": trial.state,
        "on_front": is_on_front,
        "reason": trial.reason,
        "started_s": trial.started_s,
        "finished_s": trial.finished_s,
        "train_s": trial.train_s,
    }
    hyperparameters = {f"hyperparameter_{name}": value for name, value in trial.hyperparameters.items()}
    costs = vars(trial.training_costs) if trial.training_costs else dict.fromkeys(TRAINING_COSTS)
    return trial.point() | facts | vars(trial.network_costs) | costs | hyperparameters


def curves_frame(reports: Mapping[int, Sequence[EpochReport]]) -> pd.DataFrame:
    """Return one row for each epoch of each trial; ``reports`` maps trial numbers to epochs."""
    import pandas as pd

    rows = [{"trial": trial} | vars(report) for trial, epochs in reports.items() for report in epochs]
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))
