"""A small study with trained networks, made by hand, for the tests of exports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from results.open import Study, open_study
from results.storage.ledger import Ledger
from results.storage.records import StudyHeader, TrialRecord
from results.storage.study_files import sqlite_url
from space.modules import Trained, build, save_weights
from space.networks.spec import Spec
from space.notation.parse import parse_notation

GREY = parse_notation("MgNet[1,2]-[(4,3),(5,6)]-A^{l,i}-B^{l,i}", in_channels=1, num_classes=4)
COLOUR = parse_notation("MgNet[1,1]-4-B^l", in_channels=3, num_classes=3)
CLASSES = ("a|b", "ñandú", "two words", "d")
SIZES = {1: (10, 14), 3: (32, 32)}


def trained_weights(path: Path, spec: Spec, broken: bool = False) -> None:
    """Save a network whose every number differs from a fresh one's, running statistics included."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = build(spec)
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                tensor += 0.3 * torch.rand(tensor.shape) - 0.15
            if broken and name == "head.bias":
                tensor.fill_(float("nan"))
    trained = Trained(
        spec=spec.to_dict(),
        mean=(0.4, 0.5, 0.6)[: spec.in_channels],
        std=(0.3, 0.2, 0.1)[: spec.in_channels],
        image_size=SIZES[spec.in_channels],
        classes=CLASSES[: spec.num_classes],
        data="toy",
        seed=7,
        epochs=3,
        val_accuracy=0.8125,
    )
    save_weights(path, network, trained)


def record(number: int, spec: Spec, weights: str | None, accuracy: float = 0.8125) -> TrialRecord:
    return TrialRecord(
        number=number,
        arch=spec.arch,
        notation=spec.notation,
        spec=spec.to_dict(),
        hyperparameters={},
        params=spec.params,
        macs=spec.macs(SIZES[spec.in_channels]),
        seed=7,
        max_epochs=3,
        state="complete",
        epochs=3,
        val_accuracy=accuracy,
        weights=weights,
    )


def make_study(folder: Path) -> Study:
    """Trials 0 grey, 1 colour, 2 without weights, 3 failed, 4 file gone, 5 another's file, 6 NaN, 7 begun."""
    trained_weights(folder / "w" / "0.safetensors", GREY)
    trained_weights(folder / "w" / "1.safetensors", COLOUR)
    trained_weights(folder / "w" / "6.safetensors", COLOUR, broken=True)
    (folder / "study.toml").write_text('name = "toy"\n')
    header = StudyHeader(
        name="toy",
        config={"name": "toy", "train": {"epochs": 3, "lr": 0.2}, "search": {"seed": 0}},
        space_hash="",
        data={"val": 64, "fingerprint": "f00"},
        params_range=(100, 10_000),
        trials=8,
    )
    ledger = Ledger.create(sqlite_url(folder, "rwc"), header)
    records = [
        record(0, GREY, "w/0.safetensors", 0.9),
        record(1, COLOUR, "w/1.safetensors"),
        record(2, COLOUR, None, 0.1),
        replace(record(3, COLOUR, None), state="failed", reason="diverged", val_accuracy=None),
        replace(record(4, COLOUR, "w/4.safetensors", 0.1), training={"flip": True, "lr": 0.05}),
        record(5, COLOUR, "w/0.safetensors", 0.1),
        record(6, COLOUR, "w/6.safetensors", 0.1),
        replace(record(7, COLOUR, None), state="running", val_accuracy=None),
    ]
    for trial in records:
        ledger.write_trial(trial, event="finished", clock_s=0.0)
    ledger.close()
    return open_study(folder)
