"""Train networks on CIFAR-10: ``python -m benchmarks.cifar10 --data FILE.npz [--run NETWORK@EPOCHS]
[--set train.decay=0.95] [--test]``.

By default 5,000 of the 50,000 training images, stratified by class, form a validation split. Networks train
on the other 45,000. Choose recipes by the validation accuracy.

``--test`` trains on all 50,000 images. It reads the test split once, after the last epoch of a training. Use
it only for a final recipe. A test accuracy is comparable to published ones only if the recipe was not tuned
on test. ``RECIPE`` and ``LONGER`` were tuned on test; their test accuracies are optimistic.

Every training appends one row to ``results/cifar10.jsonl``. ``split`` names the images of ``accuracy`` and
``recipe_tuned_on`` the split of the recipe's choice.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe_machine
from search.study.study_file import parse_assignment
from space.notation.parse import parse_notation
from trainers.data.device_data import ResidentData
from trainers.data.splits import SearchData, Split
from trainers.data.stratified import stratified_split
from trainers.device.calibration import Calibration
from trainers.device.execution import ExecutionConfig
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
"""Changes to ``RECIPE`` by the least number of epochs. Longer trainings need more regularisation."""
TUNED_ON = "test"
"""``muon_decay``, ``decay``, ``cutout`` and ``label_smoothing`` were chosen by test accuracy."""
VAL_IMAGES = 5000
SPLIT_SEED = 0
MONITORED = 1000
"""With ``--test``: training images whose accuracy shows progress while the test split stays closed."""


def recipe(epochs: int, changes: dict[str, Any]) -> Recipe:
    longer = {key: value for least, keys in LONGER.items() if epochs >= least for key, value in keys.items()}
    return RECIPE.replaced({"epochs": epochs} | longer | changes)


@dataclass(frozen=True)
class Images:
    """CIFAR-10 from an archive, on one device. Only ``test_accuracy`` reads the test split."""

    file: Path
    device: torch.device
    is_test: bool
    num_val: int

    def load(self) -> ResidentData:
        """Return the training images and the evaluation images of each epoch."""
        classes, train = self._read("train")
        fraction = (MONITORED if self.is_test else self.num_val) / len(train)
        kept, held = stratified_split(train.labels, min(fraction, 1.0), SPLIT_SEED)
        val = Split(train.images[held], train.labels[held])
        if not self.is_test:
            train = Split(train.images[kept], train.labels[kept])
        return ResidentData(SearchData("CIFAR-10", classes, train, val), self.device)

    def test_accuracy(self, training: Training) -> float:
        """Return the accuracy of the final weights on the test split."""
        classes, test = self._read("test")
        training.data = ResidentData(
            SearchData("CIFAR-10", classes, training.data.search_data.train, test), self.device
        )
        return training.evaluate().accuracy

    def _read(self, part: str) -> tuple[tuple[str, ...], Split]:
        with np.load(self.file) as arrays:
            classes = tuple(str(name) for name in arrays["classes"])
            return classes, Split(arrays[f"x_{part}"], arrays[f"y_{part}"].astype(np.int64))


def train(
    notation: str, recipe: Recipe, seed: int, images: Images, data: ResidentData, calibration: Calibration
) -> dict[str, Any]:
    """Train one network and return its row of the results."""
    sizes = data.search_data
    spec = parse_notation(notation, in_channels=sizes.in_channels, num_classes=sizes.num_classes)
    mode = calibration.mode(spec, recipe, ExecutionConfig(), sizes.image_size)
    began = time.perf_counter()
    training = Training(spec, data, recipe, seed, mode)
    curve = [report.val_accuracy for report in training.epochs()]
    total_s = time.perf_counter() - began
    measured = training.measurements(calibration.peak_throughput(bfloat16=mode.bfloat16))
    return {
        "network": notation,
        "epochs": recipe.epochs,
        "seed": seed,
        "split": "test" if images.is_test else "validation",
        "recipe_tuned_on": TUNED_ON,
        "accuracy": images.test_accuracy(training) if images.is_test else curve[-1],
        "train_images": len(sizes.train),
        "total_s": total_s,
        "measured": asdict(measured),
        "mode": asdict(mode),
        "recipe": recipe.model_dump(exclude_defaults=True),
        "curve_split": "train" if images.is_test else "validation",
        "curve": curve,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parse(arguments)
    changes: dict[str, Any] = {}
    for assignment in asked.set:
        changes |= parse_assignment(assignment)["train"]
    device = torch.device(asked.device)
    images = Images(asked.data, device, asked.test, asked.val_images)
    runs = asked.run or [f"{network}@{epochs}" for epochs in EPOCHS for network in NETWORKS]
    if asked.test:
        print(opened(asked.out, len(runs)), flush=True)
    data = images.load()
    machine = describe_machine() | {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    }
    with tempfile.TemporaryDirectory() as folder:
        calibration = Calibration(device, folder)
        for run in runs:
            notation, _, epochs = run.rpartition("@")
            found = train(notation, recipe(int(epochs), changes), asked.seed, images, data, calibration)
            with asked.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found | {"data": data.search_data.name, "machine": machine}) + "\n")
            print(summary(found), flush=True)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="x_train, y_train, x_test, y_test, classes")
    parser.add_argument("--run", action="append", help="NETWORK@EPOCHS; repeatable (default: all)")
    parser.add_argument("--set", action="append", default=[], help="train.KEY=VALUE; repeatable")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--val-images", type=int, default=VAL_IMAGES, help="held out of the training images")
    parser.add_argument(
        "--test", action="store_true", help="train on all images, and read the test split once per training"
    )
    return parser.parse_args(arguments)


def opened(out: Path, num_runs: int) -> str:
    """Return a line with the number of previous reads of the test split, from the rows of ``out``."""
    lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
    before = sum(json.loads(line)["split"] == "test" for line in lines)
    return (
        f"--test opens the test split, once after each of {num_runs} trainings; {out} has {before} rows "
        "of it already. Choose nothing by these figures."
    )


def summary(found: dict[str, Any]) -> str:
    measured = found["measured"]
    return (
        f"{found['network']}, {found['epochs']} epochs: {100 * found['accuracy']:.2f} % ({found['split']}), "
        f"{measured['training_pflop']:.1f} PFLOP, {measured['epoch_s']:.2f} s an epoch, "
        f"{found['total_s']:.0f} s in all"
    )


if __name__ == "__main__":
    main()
