"""What cached logits of a teacher save: ``python -m benchmarks.cached_logits [--size 16]``.

Trains a network of 11 thousand parameters on random images with a teacher of 191 thousand parameters: once with the
logits computed in each step, once with the cache of ``trainers.teacher_cache``. Epochs of the two alternate. Times are
processor times of one thread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.augmentation import noise_images
from benchmarks.machine import describe_machine
from benchmarks.small_recipe import NETWORKS
from space.networks.load import read_spec
from trainers import teacher_cache
from trainers.data.device_data import ResidentData
from trainers.data.epoch_plan import batches_in
from trainers.recipe import Recipe
from trainers.teacher import load_teacher
from trainers.teacher_checks import weights_digest
from trainers.training import Training

BASE = Recipe(epochs=100, batch_size=128, optimizer="muon", label_smoothing=0.05)
BOUNDS = {"each step": 0, "cached": teacher_cache.MOST_CACHED_BYTES}
"""Largest cache of each kind, in bytes."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1280)
    parser.add_argument("--size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--flip", action="store_true", help="mirror images: two sets of logits")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    data = noise_images(asked.images, asked.size, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        found = compare(data, BASE.replaced({"flip": asked.flip}), asked.repeats, Path(folder))
    print(json.dumps({"machine": describe_machine(), **found}, indent=2))


def compare(data: ResidentData, recipe: Recipe, repeats: int, folder: Path) -> dict[str, Any]:
    """Return the milliseconds of a step of both kinds, those of the cache, and the difference of the losses."""
    path = _train_teacher(data, folder / "teacher.safetensors")
    digest = weights_digest(path.read_bytes())
    taught = recipe.replaced({"teacher": digest})
    spec = read_spec(NETWORKS["10k"], in_channels=3, num_classes=10)
    trainings = {
        kind: Training(spec, data, taught, 0, teacher=load_teacher(path, digest, data)) for kind in BOUNDS
    }
    times = {kind: [_epoch_s(training, BOUNDS[kind])] for kind, training in trainings.items()}
    for _ in range(repeats):
        for kind, training in trainings.items():
            times[kind].append(_epoch_s(training, BOUNDS[kind]))
    steps = batches_in(len(data.train_labels), recipe.batch_size)
    found = {
        f"ms per step, {kind}": _spread([1e3 * s / steps for s in all_s[1:]]) for kind, all_s in times.items()
    }
    first_s, *later_s = times["cached"]
    losses = [[report.train_loss for report in training.reports] for training in trainings.values()]
    return found | {
        "steps per epoch": steps,
        "ms of the cache": round(1e3 * (first_s - statistics.median(later_s))),
        "largest difference of losses": max(abs(a - b) for a, b in zip(*losses, strict=True)),
    }


def _train_teacher(data: ResidentData, path: Path) -> Path:
    spec = read_spec(NETWORKS["200k"], in_channels=3, num_classes=10)
    training = Training(spec, data, BASE.replaced({"epochs": 1}), seed=0)
    list(training.epochs())
    return training.save(path)


def _epoch_s(training: Training, bound: int) -> float:
    teacher_cache.MOST_CACHED_BYTES = bound
    began_s = time.process_time()
    next(training.epochs())
    return time.process_time() - began_s


def _spread(values: Sequence[float]) -> dict[str, float]:
    numbers = {"median": statistics.median(values), "least": min(values), "most": max(values)}
    return {name: round(number, 2) for name, number in numbers.items()} | {"n": len(values)}


if __name__ == "__main__":
    main()
