"""A made-up study of any size, without trainings: random networks of a real space, accuracies by a formula.

It is written through the ledger that a search writes, so that all commands read it. The accuracy of a complete
training is known: ``expected_accuracy``.
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import tomli_w

from results.rungs import rung_epochs
from results.storage.ledger import Ledger
from results.storage.locking import let_readers_be, make_one_file
from results.storage.records import StudyHeader, TrialRecord, TrialState
from results.storage.study_files import CONFIG, DATABASE, sqlite_url
from search.study.config import StudyConfig
from search.study.environment import environment
from space.core.reports import EpochReport, TrainingCosts
from space.search_space import SearchSpace

SHARING_A_POINTS, SHARING_B_POINTS = -0.4, -1.2
"""The effects of sharing over a level instead of an iteration, in percentage points, at equal other values."""
CLASSES = 10
IMAGE_SIZE = (32, 32)
_NOISE = 0.004
_PASSED = 0.8
"""The fraction of the trials at a rung that resume."""
_EVENTS = {"complete": "finish", "stopped": "stop", "failed": "fail"}
_STUDY: dict[str, Any] = {
    "data": {"source": "cifar10"},
    "space": {
        "family": ["mgnet", "preact_resnet"],
        "levels": [2, 3],
        "nu": {"low": 1, "high": 3},
        "c_u": {"low": 4, "high": 64, "step": 4},
        "c_f": "c_u",
        "share_a": ["level", "iteration"],
        "share_b": ["level", "iteration"],
        "train": {"lr": {"low": 0.02, "high": 0.5, "log": True}},
    },
}


def write_made_up_study(folder: Path, trials: int, *, epochs: int = 27, seed: int = 0) -> None:
    """Write a complete study with rungs, energy and failures into ``folder``, which must not exist.

    Args:
        folder: The folder of the study.
        trials: The number of trials.
        epochs: The epochs of a complete training. About half of the trainings end before.
        seed: The seed of all random choices.
    """
    search = {"trials": trials, "scheduler": "freeze_thaw", "seed": seed}
    tables = _STUDY | {"name": folder.name, "search": search, "train": {"epochs": epochs}}
    config = StudyConfig.parse(tables, "the made-up study")
    space = config.search_space(in_channels=3, num_classes=CLASSES, image_size=IMAGE_SIZE)
    folder.mkdir(parents=True)
    (folder / CONFIG).write_text(tomli_w.dumps(tables), encoding="utf-8")
    rng, clock_s = random.Random(seed), 0.0
    with _without_syncs():
        ledger = Ledger.create(sqlite_url(folder, "rwc"), _header(config, space))
        let_readers_be(folder / DATABASE)
        for number in range(trials):
            clock_s = _write_trial(ledger, number, config, space, rng, clock_s)
        ledger.write_event("end", clock_s)
        ledger.close()
    make_one_file(folder / DATABASE)


@contextmanager
def _without_syncs() -> Iterator[None]:
    """Let SQLite write without waiting for the disk: a made-up study need not survive a power failure."""

    def turn_off(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    sa.event.listen(sa.Engine, "connect", turn_off)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "connect", turn_off)


def expected_accuracy(params: int, hyperparameters: dict[str, Any]) -> float:
    """Return the accuracy after a complete training, without noise, from 0 to 1."""
    sharing = SHARING_A_POINTS * (hyperparameters.get("share_a") == "level")
    sharing += SHARING_B_POINTS * (hyperparameters.get("share_b") == "level")
    rate = math.log(hyperparameters["train.lr"] / 0.1)
    return 0.95 - 0.25 * (params / 1000) ** -0.35 - 0.004 * rate**2 + sharing / 100


def _header(config: StudyConfig, space: SearchSpace) -> StudyHeader:
    return StudyHeader(
        name=config.name,
        config=config.model_dump(mode="json"),
        space_hash=space.hash,
        data={
            "name": "cifar10",
            "classes": [f"class {number}" for number in range(CLASSES)],
            "image_size": IMAGE_SIZE,
            "in_channels": 3,
            "train": 45_000,
            "val": 5_000,
            "fingerprint": "0123456789abcdef",
        },
        params_range=(500, 2_000_000),
        trials=config.search.trials,
        environment=environment(),
    )


def _write_trial(
    ledger: Ledger, number: int, config: StudyConfig, space: SearchSpace, rng: random.Random, clock_s: float
) -> float:
    """Write one trial with its epochs; return the time of its end in seconds."""
    hyperparameters = space.sample(rng)
    spec = space.spec(hyperparameters).canonical()
    macs = spec.macs(IMAGE_SIZE)
    epochs = config.train.epochs
    rungs = rung_epochs(epochs, config.search.reduction, config.search.first_rung)
    last = expected_accuracy(spec.params, hyperparameters) + rng.gauss(0.0, _NOISE)
    passed = next((rung for rung in range(len(rungs) - 1) if rng.random() > _PASSED), len(rungs) - 1)
    state: TrialState = (
        "failed" if rng.random() < 0.01 else "complete" if passed == len(rungs) - 1 else "stopped"
    )
    seconds = 0.5 + 2e-8 * macs
    trial = TrialRecord(
        number=number,
        arch=spec.arch,
        notation=spec.notation,
        spec=spec.to_dict(),
        hyperparameters=hyperparameters,
        params=spec.params,
        macs=macs,
        seed=rng.getrandbits(31),
        max_epochs=epochs,
        started_s=clock_s,
    )
    ledger.write_trial(trial, event="start", clock_s=clock_s)
    curve = [
        min(max(0.1 + (last - 0.1) * (1 - math.exp(-4 * epoch / epochs)) + rng.gauss(0, 0.003), 0.0), 1.0)
        for epoch in range(1, (0 if state == "failed" else rungs[passed]) + 1)
    ]
    for epoch, accuracy in enumerate(curve, start=1):
        clock_s += seconds
        report = EpochReport(epoch, 2.3 - accuracy, 2.4 - accuracy, accuracy, seconds)
        ledger.write_report(number, report, clock_s=clock_s)
    result: dict[str, Any] = {"state": state, "epochs": len(curve), "finished_s": clock_s}
    if state == "failed":
        result["reason"] = "the loss is not finite"
    elif state == "stopped":
        result["reason"] = f"stopped after {len(curve)} of {epochs} epochs"
    else:
        result["val_accuracy"] = curve[-1]
        result["training_costs"] = _costs(seconds, macs, epochs)
    ended = dataclasses.replace(trial, train_s=seconds * len(curve), **result)
    ledger.write_trial(ended, event=_EVENTS[state], clock_s=clock_s)
    return clock_s


def _costs(epoch_s: float, macs: int, epochs: int) -> TrainingCosts:
    images = 45_000
    return TrainingCosts(
        images_per_s=images / epoch_s,
        epoch_s=epoch_s,
        first_step_s=0.4,
        peak_memory_mib=400.0,
        macs_per_s=3 * macs * images / epoch_s,
        training_pflop=6e-15 * macs * images * epochs,
        peak_fraction=0.1,
        energy_j=150.0 * epoch_s * epochs,
        micro_batch=None,
    )
