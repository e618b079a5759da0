"""What augmentation costs: ``python -m benchmarks.augmentation [--device cpu]``.

Times the batches of an epoch of random images, without a network, for each kind of augmentation, and an epoch of small
networks without them. The least of ``--repeats`` counts. On a CPU, it uses one thread and processor time.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from space.networks.load import read_spec
from trainers.data.device_data import ResidentData
from trainers.data.epoch_plan import batches_in, plan_epoch
from trainers.data.splits import SearchData, Split
from trainers.recipe import Recipe
from trainers.training import Training

NETWORKS = ("MgNet[2,2,2]-[8,8,16]-B^l", "MgNet[2,2,2]-[12,20,36]-B^l", "resnet8")
BASE = Recipe(epochs=2, batch_size=128, crop_padding=4, flip=True, optimizer="muon")
KINDS: dict[str, dict[str, Any]] = {
    "crop and mirror image": {},
    "trivial_augment": {"trivial_augment": 1.0},
    "cutout": {"cutout": 8},
    "random_erasing": {"random_erasing": 0.25},
    "mixup": {"mixup": 0.2},
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--images", type=int, default=3968)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args(arguments)
    device = torch.device(asked.device)
    if asked.device == "cpu":
        torch.set_num_threads(1)
    data = noise_images(asked.images, asked.size, device)
    num_batches = batches_in(asked.images, BASE.batch_size)
    least = dict.fromkeys(KINDS, float("inf"))
    for _ in range(asked.repeats):  # by turns: the load of the machine changes
        for kind, changes in KINDS.items():
            recipe = BASE.replaced(changes)
            least[kind] = min(least[kind], _seconds(lambda recipe=recipe: _batches(data, recipe), device))
    base = least["crop and mirror image"]
    found: dict[str, Any] = {"ms_per_batch": {kind: 1e3 * s / num_batches for kind, s in least.items()}}
    for name in NETWORKS:
        spec = read_spec(name, in_channels=3, num_classes=10)
        training = Training(spec, data, BASE, seed=0)
        epoch_s = min(
            _seconds(lambda one=training: list(one.epochs(len(one.reports) + 1)), device) for _ in range(2)
        )
        found[name] = {"params": spec.params, "epoch_s": epoch_s} | {
            f"{kind}, %": 100 * (s - base) / epoch_s for kind, s in least.items() if s != base
        }
    print(json.dumps(found, indent=2))


def noise_images(count: int, size: int, device: torch.device) -> ResidentData:
    """Return random images of ten classes, ``count`` for training and 100 for validation."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    split = Split(pixels, np.arange(count) % 10)
    classes = tuple(str(number) for number in range(10))
    return ResidentData(SearchData("noise", classes, split, Split(pixels[:100], split.labels[:100])), device)


def _batches(data: ResidentData, recipe: Recipe) -> None:
    for _ in data.train_batches(plan_epoch(len(data.train_labels), recipe, seed=0, epoch=1), recipe):
        pass


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the processor time of ``work`` on a CPU, and its wall time on a GPU."""
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    began_s = clock()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return clock() - began_s


if __name__ == "__main__":
    main()
