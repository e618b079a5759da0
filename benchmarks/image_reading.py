"""Threads or processes for image files: ``python -m benchmarks.image_reading [--rounds 5] [--json FILE]``.

The benchmark reads two sets of RGB files, JPEG 64 x 64 and PNG 32 x 32, in batches of 64. It has two tasks.
``read`` only reads all images, with two readers. ``train`` is an epoch of training on one thread beside one
reader. The readers are the threads of ``StreamedData`` and the processes of torch's ``DataLoader``. They
alternate in each round. The first round is not counted. It gives ``start``: the seconds to read all images,
including the start of the readers.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from benchmarks.machine import describe_machine
from space.notation.parse import parse_notation
from trainers.data.config import DataConfig
from trainers.data.device_data import DeviceData
from trainers.data.image_store import Images
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData
from trainers.data.streamed_data import Rows, StreamedData
from trainers.recipe import Recipe
from trainers.training import Training

CPU = torch.device("cpu")
BATCH_SIZE = 64
FORMATS = {"JPEG 64x64": ("jpg", 64), "PNG 32x32": ("png", 32)}
NOTATION = "MgNet[1,1,1]-8-B^l"
"""A small network: training takes images from the readers as fast as a search ever does."""


class BatchDataset(Dataset[Tensor]):
    """Batches by their rows, for the processes of the loader."""

    def __init__(self, images: Images) -> None:
        self.images = images

    def __getitem__(self, rows: Rows) -> Tensor:
        return torch.from_numpy(self.images[rows])


class GivenBatches(Sampler[Rows]):
    """The batches of the next pass."""

    def __init__(self) -> None:
        self.parts: Sequence[Rows] = ()

    def __iter__(self) -> Iterator[Rows]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)


class ProcessData(StreamedData):
    """Streamed data with persistent processes that read the training images."""

    def __init__(self, data: SearchData, device: torch.device, num_readers: int) -> None:
        super().__init__(data, device, num_readers)
        self._given = GivenBatches()
        self._loader = DataLoader(
            BatchDataset(data.train.images),
            batch_size=None,
            sampler=self._given,
            num_workers=num_readers,
            persistent_workers=True,
            multiprocessing_context="forkserver",
        )

    def _stream(self, images: Images, rows: Rows, batch_size: int) -> Iterator[Tensor]:
        self._given.parts = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
        yield from self._loader


def write_images(folder: Path, suffix: str, side: int, count: int) -> DataConfig:
    """Write two classes of smooth random images with noise. They compress like photographs."""
    rng = np.random.default_rng(0)
    for name in ("first", "second"):
        (folder / name).mkdir(parents=True)
        for index in range(count // 2):
            coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), dtype=np.int64)
            noisy = (smooth + rng.integers(-8, 9, smooth.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(folder / name / f"{index}.{suffix}")
    fractions = {"val_fraction": 0.02, "test_fraction": 0.0}
    return DataConfig.model_validate({"source": f"imagefolder:{folder}", "memory_gib": 0.0} | fractions)


def read_all(data: StreamedData) -> float:
    """Return images per second of a pass over the training images, without training."""
    rows = np.random.default_rng(0).permutation(len(data.train_labels))
    began = time.perf_counter()
    for _ in data._stream(data.search_data.train.images, rows, BATCH_SIZE):
        pass
    return len(rows) / (time.perf_counter() - began)


def train_epoch(data: DeviceData) -> float:
    """Return images per second of an epoch of training, without evaluation."""
    spec = parse_notation(NOTATION, in_channels=3, num_classes=2)
    training = Training(spec, data, Recipe(epochs=1, batch_size=BATCH_SIZE), seed=0)
    list(training.epochs())
    return len(data.train_labels) / training.last_train_s


def measure(config: DataConfig, rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return images per second for each task, reader and round, and the seconds of a start."""
    search_data = load_search_data(config)
    kinds = {"threads": StreamedData, "processes": ProcessData}
    one = {name: kind(search_data, CPU, 1) for name, kind in kinds.items()}
    two = {name: kind(search_data, CPU, 2) for name, kind in kinds.items()}
    found: dict[str, dict[str, list[float]]] = {
        task: {name: [] for name in kinds} for task in ("start", "read", "train")
    }
    for number in range(rounds + 1):
        for name in kinds:
            rates = {"read": read_all(two[name]), "train": train_epoch(one[name])}
            if not number:
                found["start"][name].append(len(search_data.train) / rates["read"])
                continue
            for task, rate in rates.items():
                found[task][name].append(rate)
    return found


def summarise(values: dict[str, list[float]]) -> dict[str, Any]:
    """Return median, minimum and maximum of each kind of reader, and the median ratio of the rounds."""
    ratios = [t / p for t, p in zip(values["threads"], values["processes"], strict=True)]
    figures = {
        name: {"min": round(min(v), 1), "median": round(statistics.median(v), 1), "max": round(max(v), 1)}
        for name, v in values.items()
    }
    ratio = {"min": min(ratios), "median": statistics.median(ratios), "max": max(ratios)}
    return figures | {"threads / processes": {name: round(value, 2) for name, value in ratio.items()}}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    summary: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as home:
        for name, (suffix, side) in FORMATS.items():
            config = write_images(Path(home) / suffix, suffix, side, asked.images)
            summary[name] = {task: summarise(v) for task, v in measure(config, asked.rounds).items()}
    for name, tasks in summary.items():
        for task, figures in tasks.items():
            print(
                name, task, *(f"{kind} {v['median']} ({v['min']}-{v['max']})" for kind, v in figures.items())
            )
    if asked.json:
        document = {"benchmark": "image_reading", "unit": "images a second", "machine": describe_machine()}
        document |= {"n": asked.rounds, "images": asked.images, "summary": summary}
        asked.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
