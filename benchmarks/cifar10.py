"""CIFAR-10 as the papers train it: ``python -m benchmarks.cifar10 --data FILE.npz [--run NETWORK@EPOCHS]
[--set train.decay=0.95]``.

All 50,000 images are trained on and the 10,000 of the test split judge the last epoch's weights; nothing is
chosen by them, so that the figure stands beside published ones. Every training is a line of
``results/cifar10.jsonl``, written as soon as it is done.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe_machine
from search.config import parse_assignment
from space.notation import parse_notation
from trainers.calibration import Calibration
from trainers.data import SearchData, Split
from trainers.device_data import ResidentData
from trainers.execution import ExecutionConfig
from trainers.recipe import Recipe
from trainers.training import Training

RESULTS = Path(__file__).parent / "results" / "cifar10.jsonl"
NETWORKS = ("MgNet[2,2,2,2]-256-B^l", "ResNet18", "ResNet18-A^l")
EPOCHS = (10, 30, 100)
RECIPE = Recipe(
    batch_size=256,
    lr=0.1,
    optimizer="muon",
    muon_lr=0.05,
    crop_padding=4,
    flip=True,
    label_smoothing=0.1,
    test_flip=True,
)
LONGER: dict[int, dict[str, Any]] = {30: {"cutout": 12}, 80: {"cutout": 16, "decay": 0.5}}
"""From so many epochs on: what sees an image often has to be kept from learning it by heart."""


def recipe(epochs: int, changes: dict[str, Any]) -> Recipe:
    longer = {key: value for least, keys in LONGER.items() if epochs >= least for key, value in keys.items()}
    return RECIPE.replaced({"epochs": epochs} | longer | changes)


def cifar10(file: Path) -> SearchData:
    with np.load(file) as arrays:
        train, test = (
            Split(arrays[f"x_{part}"], arrays[f"y_{part}"].astype(np.int64)) for part in ("train", "test")
        )
        classes = tuple(str(name) for name in arrays["classes"])
    return SearchData("CIFAR-10", classes, train, test)


def train(
    notation: str, recipe: Recipe, seed: int, data: ResidentData, calibration: Calibration
) -> dict[str, Any]:
    images = data.search_data
    spec = parse_notation(notation, in_channels=images.in_channels, num_classes=images.num_classes)
    mode = calibration.mode(spec, recipe, ExecutionConfig(), images.image_size)
    began = time.perf_counter()
    training = Training(spec, data, recipe, seed, mode)
    curve = [report.val_accuracy for report in training.epochs()]
    return {
        "network": notation,
        "epochs": recipe.epochs,
        "seed": seed,
        "accuracy": curve[-1],
        "total_s": time.perf_counter() - began,
        "measured": asdict(training.measurements(calibration.ceiling(bfloat16=mode.bfloat16))),
        "mode": asdict(mode),
        "recipe": recipe.model_dump(exclude_defaults=True),
        "curve": curve,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="x_train, y_train, x_test, y_test, classes")
    parser.add_argument("--run", action="append", help="NETWORK@EPOCHS; repeatable (default: all)")
    parser.add_argument("--set", action="append", default=[], help="train.KEY=VALUE; repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    changes: dict[str, Any] = {}
    for assignment in asked.set:
        changes |= parse_assignment(assignment)["train"]
    device = torch.device(asked.device)
    data = ResidentData(cifar10(asked.data), device)
    machine = describe_machine() | {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    }
    runs = asked.run or [f"{network}@{epochs}" for epochs in EPOCHS for network in NETWORKS]
    with tempfile.TemporaryDirectory() as folder:
        calibration = Calibration(device, folder)
        for run in runs:
            notation, _, epochs = run.rpartition("@")
            found = train(notation, recipe(int(epochs), changes), asked.seed, data, calibration)
            with asked.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found | {"data": data.search_data.name, "machine": machine}) + "\n")
            print(summary(found), flush=True)


def summary(found: dict[str, Any]) -> str:
    measured = found["measured"]
    return (
        f"{found['network']}, {found['epochs']} epochs: {100 * found['accuracy']:.2f} %, "
        f"{measured['training_pflop']:.1f} PFLOP, {measured['epoch_s']:.2f} s an epoch, "
        f"{found['total_s']:.0f} s in all"
    )


if __name__ == "__main__":
    main()
