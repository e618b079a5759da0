"""The speed of a training against a plain training loop: ``python -m benchmarks.trainer [--json]``.

Both train the same network on the same images, in alternating epochs, on all cores of this machine. Then both
train a small network on digits, from several seeds, for the same number of epochs. The benchmark compares
their accuracies. With ``--data``, an .npz file of CIFAR-10, both also train the large network on real images.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.machine import describe_machine
from benchmarks.plain_loop import PlainLoop
from search.executors.slots import count_cores
from space.modules import build
from space.networks.spec import Spec
from space.notation.parse import parse_notation
from trainers.data.config import DataConfig
from trainers.data.device_data import ResidentData
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData, Split
from trainers.device.allocator import keep_freed_memory
from trainers.device.calibration import Calibration
from trainers.device.execution import ExecutionConfig, StepMode
from trainers.recipe import OptimizerName, Recipe
from trainers.training import Training

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Case:
    """A network and its training, with the recipe of mgnas' presets for these images."""

    notation: str
    batch_size: int
    augment: int
    lr: float
    optimizer: OptimizerName = "sgd"

    def spec(self, data: SearchData) -> Spec:
        return parse_notation(self.notation, in_channels=data.in_channels, num_classes=data.num_classes)

    def recipe(self, epochs: int) -> Recipe:
        return Recipe(
            epochs=epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            optimizer=self.optimizer,
            crop_padding=self.augment,
            flip=self.augment > 0,
        )

    def plain(self, data: SearchData, epochs: int, device: torch.device) -> PlainLoop:
        return PlainLoop(
            build(self.spec(data)),
            data,
            device=device,
            epochs=epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            augment=self.augment,
        )


LARGE = Case("MgNet[2,2,2]-[32,64,128]-B^l", batch_size=64, augment=4, lr=0.05, optimizer="muon")
DIGITS = Case("MgNet[2,2]-8-B^l", batch_size=64, augment=0, lr=0.2)
CUDA_CASES = [
    Case(notation, batch_size, augment=4, lr=0.05, optimizer="muon")
    for notation in ("MgNet[2,2,2,2]-256-B^l", "MgNet[2,2,2]-[16,24,32]-B^l")
    for batch_size in (128, 512)
]
NUM_IMAGES = {"cpu": 1280, "cuda": 12_800}


def speed(case: Case, data: SearchData, calibration: Calibration, rounds: int) -> dict[str, Any]:
    """Return images per second of both, in alternating epochs. The first round is a warm-up."""
    device = calibration.device
    plain = case.plain(data, rounds + 1, device)
    mode = _mode(case, data, calibration)
    ours = Training(case.spec(data), ResidentData(data, device), case.recipe(rounds + 1), 0, mode)
    figures: dict[str, list[float]] = {"plain": [], "mgnas": []}
    for index in range(rounds + 1):
        began = time.perf_counter()
        plain.train_epoch()
        plain_s = time.perf_counter() - began
        ours_s = _train_only(ours)
        if index:
            figures["plain"].append(plain.images_an_epoch / plain_s)
            figures["mgnas"].append(plain.images_an_epoch / ours_s)
    ratios = [ours / plain for ours, plain in zip(figures["mgnas"], figures["plain"], strict=True)]
    return {
        "network": case.notation,
        "batch_size": case.batch_size,
        "images": f"{len(data.train)} of {data.image_size[0]} x {data.image_size[1]} x {data.in_channels}",
        "mode": asdict(mode),
        "n": rounds,
        "images_per_s": {name: _spread(values) for name, values in figures.items()},
        "ratio": _spread(ratios),
        "measured": asdict(ours.measurements(calibration.peak_throughput(bfloat16=mode.bfloat16))),
    }


def _mode(case: Case, data: SearchData, calibration: Calibration) -> StepMode:
    return calibration.mode(case.spec(data), case.recipe(1), ExecutionConfig(), data.image_size)


def _train_only(training: Training) -> float:
    """Train one epoch and return its seconds without evaluation, as for the plain loop."""
    before = len(training.reports)
    next(training.epochs(until=before + 1))
    return training.last_train_s


def accuracy(
    case: Case, data: SearchData, calibration: Calibration, epochs: int, seeds: int
) -> dict[str, Any]:
    """Return the accuracies of both after the same number of epochs, from several seeds."""
    mode, device_data = _mode(case, data, calibration), ResidentData(data, calibration.device)
    found: dict[str, list[float]] = {"plain": [], "mgnas": []}
    for seed in range(seeds):
        torch.manual_seed(seed)
        plain = case.plain(data, epochs, calibration.device)
        for _ in range(epochs):
            plain.train_epoch()
        found["plain"].append(plain.accuracy())
        training = Training(case.spec(data), device_data, case.recipe(epochs), seed, mode)
        found["mgnas"].append(list(training.epochs())[-1].val_accuracy)
    return {
        "network": case.notation,
        "data": data.name,
        "train": len(data.train),
        "val": len(data.val),
        "epochs": epochs,
        "n": seeds,
        **{
            name: {"mean": statistics.fmean(values), "deviation": statistics.stdev(values), "all": values}
            for name, values in found.items()
        },
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def random_images(count: int, size: int) -> SearchData:
    """Return noise with the class as its brightness. Time is independent of image content."""
    rng = np.random.default_rng(0)
    splits = []
    for num in (count, 100):
        labels = np.arange(num) % 10
        noise = rng.integers(0, 156, (num, size, size, 3)) + 10 * labels[:, None, None, None]
        splits.append(Split(noise.astype(np.uint8), labels))
    return SearchData("random", tuple("0123456789"), *splits)


def real_images(file: Path, num_train: int, num_val: int) -> SearchData:
    with np.load(file) as arrays:
        rows = np.random.default_rng(0).permutation(len(arrays["x_train"]))[: num_train + num_val]
        images, labels = arrays["x_train"][rows], arrays["y_train"][rows].astype(np.int64)
    train, val = (Split(images[part], labels[part]) for part in (slice(num_train), slice(num_train, None)))
    return SearchData("CIFAR-10", tuple("0123456789"), train, val)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else there")
    parser.add_argument("--data", type=Path, help="an .npz file with CIFAR-10, for accuracies on real images")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--write", action="store_true", help="write trainer-DEVICE.json among the results")
    arguments = parser.parse_args()
    keep_freed_memory()  # it also helps the plain loop
    torch.set_num_threads(count_cores())
    device = torch.device(arguments.device)
    images, digits = (
        random_images(NUM_IMAGES[device.type], 32),
        load_search_data(DataConfig(val_fraction=0.3)),
    )
    cases = [(LARGE, images), (DIGITS, digits)]
    if device.type == "cuda":
        cases = [*((case, images) for case in CUDA_CASES), (DIGITS, digits)]
    with tempfile.TemporaryDirectory() as folder:
        calibration = Calibration(device, Path(folder))
        result: dict[str, Any] = {
            "machine": describe_machine(),
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
            "threads": torch.get_num_threads(),
            "speed": [speed(case, data, calibration, arguments.rounds) for case, data in cases],
            "accuracy": [accuracy(DIGITS, digits, calibration, epochs=10, seeds=3)],
        }
        if arguments.data:
            real = real_images(arguments.data, 3000, 2000)
            result["accuracy"].append(accuracy(LARGE, real, calibration, epochs=4, seeds=3))
    text = json.dumps(result, indent=2)
    if arguments.write:
        (RESULTS / f"trainer-{device.type}.json").write_text(text + "\n", encoding="utf-8")
    print(text if arguments.json else summary(result))


def summary(result: dict[str, Any]) -> str:
    lines = []
    for case in result["speed"]:
        speeds = {name: values["median"] for name, values in case["images_per_s"].items()}
        ratio = case["ratio"]
        lines.append(
            f"{case['network']}, {case['images']}, batches of {case['batch_size']}: "
            f"plain loop {speeds['plain']:,.0f}, mgnas {speeds['mgnas']:,.0f} images/s; "
            f"ratio {ratio['median']:.2f} ({ratio['least']:.2f} to {ratio['most']:.2f}, n = {case['n']})"
        )
    for case in result["accuracy"]:
        figures = ", ".join(
            f"{name} {100 * case[key]['mean']:.2f} % +- {100 * case[key]['deviation']:.2f}"
            for name, key in (("plain loop", "plain"), ("mgnas", "mgnas"))
        )
        lines.append(
            f"{case['network']} on {case['data']}, {case['epochs']} epochs, n = {case['n']}: {figures}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
