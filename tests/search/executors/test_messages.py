"""Messages between driver and workers: all of them pass the pipe, other objects are refused."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from search.executors.message_lines import decode, decode_event, encode
from search.executors.messages import (
    BatchLatency,
    Beat,
    Calibrating,
    Epoch,
    Event,
    Failed,
    Fatal,
    Finished,
    Job,
    Lost,
    Measured,
    Message,
    Paused,
    Predicted,
    Ready,
    Setup,
)
from space.core.reports import EpochReport, TrainingCosts
from tests.support.stripes import SPEC
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig
from trainers.recipe import Recipe

REPORT = EpochReport(3, 0.5, 0.25, 0.875, 1.5)
MEASUREMENTS = TrainingCosts(100.0, 1.5, None, 256.0, 1e9, 0.01, None, None, 32)
EVENTS: list[Event] = [
    Ready(),
    Beat(),
    Calibrating("cpu"),
    Predicted(1, 0.5),
    Measured(1, 0.25),
    Epoch(1, REPORT),
    Paused(1, 2.0),
    Finished(1, 2.0, MEASUREMENTS, BatchLatency(0.5, 256, 8.0, 9.0), (0.5, None, 1.0)),
    Failed(1, "out of memory", is_over_limit=True, is_memory=True),
    Lost(1, "killed", is_memory=True),
    Fatal("no space left", disk_full=True),
]
SETUP = Setup(
    DataConfig(source="digits"),
    ExecutionConfig(threads=2),
    "calibration",
    plugins=("own.py",),
    measured=("latency_ms",),
    limits={"latency_ms": 0.5},
)
JOB = Job(1, SPEC.to_dict(), Recipe(epochs=3), 7, "weights", "checkpoint", known_latency_ms=0.25, until=2)


def kinds(cls: type[Any] = Message) -> set[str]:
    return {sub.__name__ for sub in cls.__subclasses__()}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_come_back_equal(event: Event) -> None:
    line = encode(event)
    assert "\n" not in line
    assert decode_event(line) == event


@pytest.mark.parametrize("message", [SETUP, JOB], ids=["setup", "job"])
def test_setups_and_jobs_come_back_equal(message: Setup | Job) -> None:
    assert decode(encode(message), type(message)) == message


def test_all_messages_of_the_pipe_are_covered() -> None:
    sent = {type(message).__name__ for message in (*EVENTS, SETUP, JOB)}
    of_the_executor = {"Silent", "Recovered", "Placed", "Deferred", "Remark", "Retired"}
    assert sent == kinds() - of_the_executor


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_with_missing_and_unknown_fields_are_refused(event: Event) -> None:
    good = json.loads(encode(event))
    with pytest.raises(ValueError, match="colour"):
        decode_event(json.dumps(good | {"colour": "red"}))
    for field in fields(event):
        if field.name in ("trial", "report", "reason", "device", "epoch_s", "train_s", "latency_ms"):
            with pytest.raises(ValueError, match=field.name):
                decode_event(json.dumps({key: value for key, value in good.items() if key != field.name}))


@pytest.mark.parametrize(
    ("report", "named"),
    [
        ({"val_accuracy": 1.5}, "val_accuracy"),
        ({"epoch": 0}, "epoch"),
        ({"train_loss": "low"}, "train_loss"),
        ({"seconds": -1.0}, "seconds"),
    ],
)
def test_reports_out_of_range_are_refused(report: dict[str, Any], named: str) -> None:
    line = json.loads(encode(Epoch(1, REPORT)))
    line["report"] |= report
    with pytest.raises(ValueError, match=named):
        decode_event(json.dumps(line))


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"kind": "Epoch"', '{"kind": "Setup"}', '"Ready"'])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"not an? (event|message)|Expecting"):
        decode_event(line)
    with pytest.raises(ValueError, match=r"not a (Job|message)|Expecting"):
        decode(line, Job)


def test_a_job_is_not_taken_for_a_setup() -> None:
    with pytest.raises(ValueError, match="not a Setup"):
        decode(encode(JOB), Setup)
