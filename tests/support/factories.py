"""Records made by hand, for tests that need no training."""

from __future__ import annotations

from typing import Any

from results.storage.records import StudyHeader, TrialRecord
from space.notation.parse import parse_notation

SPEC = parse_notation("MgNet[1,1]-4-B^l", in_channels=1)


def make_trial(number: int, **fields: Any) -> TrialRecord:
    values: dict[str, Any] = {
        "arch": f"{number:012x}",
        "notation": SPEC.notation,
        "spec": SPEC.to_dict(),
        "hyperparameters": {"nu_1": 1},
        "params": 1000 + number,
        "macs": 10 * (1000 + number),
        "seed": number,
        "max_epochs": 3,
        "state": "complete",
        "epochs": 3,
        "val_accuracy": 0.9,
        "finished_s": float(number + 1),
    }
    return TrialRecord(number=number, **(values | fields))


def make_header(**fields: Any) -> StudyHeader:
    values: dict[str, Any] = {
        "name": "test",
        "config": {},
        "space_hash": "0" * 12,
        "data": {"name": "digits"},
        "params_range": (100, 10_000),
        "trials": 10,
    }
    return StudyHeader(**(values | fields))
