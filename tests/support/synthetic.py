"""Made-up studies for the tests of effects, figures and report: plain records, no database, no training."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from results.open import Study
from results.storage.records import TrialRecord
from search.study.config import StudyConfig
from space.core.reports import EpochReport
from tests.support.factories import make_header, make_trial

CONFIG = StudyConfig.model_validate({"name": "digits", "train": {"epochs": 4}, "search": {"seed": 7}})
DATA = {
    "name": "digits",
    "classes": list("0123456789"),
    "image_size": [8, 8],
    "in_channels": 1,
    "train": 1077,
    "val": 360,
    "fingerprint": "0" * 16,
}


def trial(number: int, params: int, accuracy: float | None, **changes: Any) -> TrialRecord:
    fields: dict[str, Any] = {
        "notation": f"MgNet[2,2]-{number + 1}-B^l",
        "hyperparameters": {},
        "params": params,
        "macs": 20 * params,
        "max_epochs": 4,
        "state": "failed" if accuracy is None else "complete",
        "epochs": 4,
        "val_accuracy": accuracy,
        "finished_s": 10.0 * (number + 1),
    }
    return make_trial(number, **(fields | changes))


def study(records: list[TrialRecord], folder: Path | str = "runs/digits", **changes: Any) -> Study:
    fields: dict[str, Any] = {
        "name": "digits",
        "config": CONFIG.model_dump(mode="json"),
        "data": DATA,
        "params_range": (100, 1_000_000),
        "trials": len(records) or 1,
        "environment": {"python": "3.11.2"},
    }
    reports = {
        t.number: [
            EpochReport(epoch, 1.0, 1.0, (t.val_accuracy or 0.1) * (1 - 0.5**epoch), 0.5)
            for epoch in range(1, t.epochs + 1)
        ]
        for t in records
    }
    clock_s = max((t.finished_s or 0.0 for t in records), default=0.0)
    study = Study(Path(folder), make_header(**(fields | changes)), records, clock_s)
    study.reports = reports
    study.epoch_ends = {
        t.number: [
            (t.finished_s or 10.0 * (t.number + 1)) - 0.5 * (t.epochs - epoch)
            for epoch in range(1, t.epochs + 1)
        ]
        for t in records
    }
    return study


def searched(
    count: int = 48,
    seed: int = 0,
    noise: float = 0.004,
    effect: Callable[[dict[str, Any]], float] = lambda _hyperparameters: 0.0,
) -> list[TrialRecord]:
    """Trials whose accuracy grows with log(parameters), plus ``effect`` of the hyperparameters, plus noise.

    Width makes networks large; ``share`` and ``nu_2`` do not, and ``nu_2`` exists on two levels only.
    """
    rng = random.Random(seed)
    records = []
    for number in range(count):
        hyperparameters: dict[str, Any] = {
            "width": rng.randint(4, 16),
            "share": rng.choice(["level", "iteration"]),
        }
        hyperparameters["levels"] = rng.choice([1, 2])
        if hyperparameters["levels"] == 2:
            hyperparameters["nu_2"] = rng.choice([1, 2, 3])
        params = int(40 * hyperparameters["width"] ** 2 * rng.uniform(0.6, 1.6))
        curve = 0.97 - 0.05 * math.exp(-math.log(params / 1000))
        accuracy = curve + effect(hyperparameters) + rng.gauss(0, noise)
        records.append(trial(number, params, min(accuracy, 0.999), hyperparameters=hyperparameters))
    return records
