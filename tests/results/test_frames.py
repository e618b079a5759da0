"""The columns and dtypes of DataFrames are those that are declared, whatever a study holds."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.columns import CURVES, FACTS, NETWORK_COSTS, POINT, TRAINING_COSTS, TRIALS, Column
from results.frames import COST_COLUMNS, curves_frame, front_frame, trials_frame, value_dtype
from results.storage.objectives import COST_NAMES, PARAMS, Objectives
from results.storage.records import NetworkCosts, TrialRecord
from space.core.reports import EpochReport, TrainingCosts
from tests.support.factories import make_training_costs, make_trial


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def declared(*columns: Column) -> dict[str, str]:
    return {column.name: column.dtype for column in columns}


def maybe(value: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.just(value)


@st.composite
def trials(draw: st.DrawFn) -> TrialRecord:
    """Trials of every state: references and named networks, failures, with and without costs."""
    state = draw(st.sampled_from(["running", "paused", "complete", "failed", "stopped"]))
    return make_trial(
        draw(st.integers(0, 9)),
        state=state,
        val_accuracy=draw(maybe(0.5)) if state != "complete" else 0.5,
        reference=draw(maybe("resnet18")),
        reason=draw(maybe("diverged")) if state in ("failed", "stopped") else None,
        finished_s=draw(maybe(3.0)),
        seed=draw(st.sampled_from([0, 2**63 - 1])),
        latency_ms=draw(maybe(2.0)),
        latency_batch=draw(maybe(64)),
        training_costs=draw(maybe(make_training_costs(micro_batch=8)) | maybe(make_training_costs())),
    )


@given(found=st.lists(trials(), max_size=3))
def test_trials_have_the_declared_dtypes(found: list[TrialRecord]) -> None:
    frame = trials_frame(found, {0, 1}).drop(columns="hyperparameter_nu_1", errors="ignore")
    assert dtypes(frame) == declared(*TRIALS)
    assert len(frame) == len(found)


@given(
    found=st.lists(trials(), max_size=3), costs=st.lists(st.sampled_from(COST_NAMES), min_size=1, unique=True)
)
def test_fronts_have_the_declared_dtypes(found: list[TrialRecord], costs: list[Any]) -> None:
    further = [column for name in costs for column in COST_COLUMNS if column.name == name]
    assert dtypes(front_frame(found, Objectives.named(costs))) == declared(*POINT, *further)


@pytest.mark.parametrize("epochs", [{}, {3: [EpochReport(1, 1.0, float("nan"), 0.5, 0.1)]}, {3: []}])
def test_curves_have_the_declared_dtypes(epochs: dict[int, list[EpochReport]]) -> None:
    assert dtypes(curves_frame(epochs)) == declared(*CURVES)


def test_columns_are_those_of_the_records() -> None:
    trial = make_trial(3)
    assert trial.point() == {"trial": 3} | {column.name: getattr(trial, column.name) for column in POINT[1:]}
    assert [column.name for column in NETWORK_COSTS] == [one.name for one in fields(NetworkCosts)]
    assert [column.name for column in TRAINING_COSTS] == [one.name for one in fields(TrainingCosts)]
    assert {column.name for column in (*POINT, *COST_COLUMNS)} >= set(COST_NAMES)
    assert {column.name for column in FACTS} - {"on_front"} <= {one.name for one in fields(TrialRecord)}


@pytest.mark.parametrize(
    ("values", "dtype", "kept"),
    [
        ([3, None], "Int64", [3, pd.NA]),
        ([3, 4], "Int64", [3, 4]),
        ([3, 0.5], "float64", [3.0, 0.5]),
        ([0.5, None], "float64", [0.5, np.nan]),
        ([True, None], "boolean", [True, pd.NA]),
        (["conv", None], "string", ["conv", pd.NA]),
        ([4, "depthwise"], "string", ["4", "depthwise"]),
        ([True, 1], "string", ["True", "1"]),
    ],
)
def test_conditional_hyperparameters_have_a_dtype_by_value(
    values: list[Any], dtype: str, kept: list[Any]
) -> None:
    found = [
        make_trial(number, hyperparameters={} if value is None else {"nu_1": value, "train.lr": value})
        for number, value in enumerate(values)
    ]
    column = trials_frame(found, set())["hyperparameter_nu_1"]
    assert str(column.dtype) == dtype == value_dtype(values)
    pd.testing.assert_series_equal(column, pd.Series(kept, dtype=dtype), check_names=False)
    searched = front_frame(found, PARAMS)["train.lr"]
    pd.testing.assert_series_equal(searched, column, check_names=False)


def test_missing_texts_are_na_and_missing_numbers_nan() -> None:
    begun = make_trial(0, state="running", val_accuracy=None, finished_s=None)
    row = trials_frame([begun], set()).iloc[0]
    assert row["reference"] is row["reason"] is row["latency_batch"] is pd.NA
    assert np.isnan([row["val_accuracy"], row["finished_s"], row["energy_j"]]).all()
