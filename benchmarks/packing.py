"""Several trainings on one device at the same time: their total throughput.

    python -m benchmarks.packing [--device cuda] [--counts 1 2 4 8 16] [--notation TEXT] [--images 20000] [--repeats 2]
        [--no-mps] [--json]

Each number of trainings runs in worker processes as a search starts them, on random images of 32 x 32 pixels. On a GPU
the processes run at the same time by NVIDIA's MPS where it starts, and by turns with ``--no-mps``. The throughput is
the sum of the rates after the first epoch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine
from search.executors.local import LocalExecutor
from search.executors.messages import Job, Setup
from search.executors.mps import multi_process_service
from search.executors.packing import throughputs
from search.executors.slots import Slot
from space.notation.parse import parse_notation
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig
from trainers.recipe import Recipe

NOTATION = "MgNet[2,2,2]-24-B^l"
"""54 thousand parameters on colour images of 10 classes."""
ENDLESS = 10**6


def write_random_images(path: Path, count: int, test: int = 0) -> None:
    """Write images of noise, 32 x 32 in colour and of ten classes; ``test`` more are held out."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count + test, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(count + test) % 10
    arrays = {"x_train": images[:count], "y_train": labels[:count]}
    if test:
        arrays |= {"x_test": images[count:], "y_test": labels[count:]}
    np.savez(path, **arrays)


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return the throughputs of one series of numbers of trainings."""
    spec = parse_notation(arguments.notation, in_channels=3, num_classes=10)
    recipe = Recipe(epochs=ENDLESS, batch_size=128)
    slot = Slot("cuda", gpu=0) if arguments.device == "cuda" else Slot("cpu", threads=1)
    setup = Setup(DataConfig(source=f"npz:{folder}/images.npz"), ExecutionConfig(), str(folder))

    def job(number: int) -> Job:
        files = str(folder / f"{number}.safetensors"), str(folder / f"{number}.checkpoint")
        return Job(number, spec.to_dict(), recipe, number, *files)

    def executor(count: int) -> LocalExecutor:
        return LocalExecutor([slot] * count, setup, folder / "logs")

    slots = [slot] * max(arguments.counts)
    with nullcontext("by turns") if arguments.no_mps else multi_process_service(slots) as how:
        found = throughputs(executor, job, arguments.counts, min_growth=0.0)
    return {"sharing": how, "epochs_per_s": {str(one.trainings): round(one.epochs_per_s, 4) for one in found}}


def summary(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the median throughput of each number, and how often it is that of one training."""
    numbers = [
        number for number in runs[0]["epochs_per_s"] if all(number in run["epochs_per_s"] for run in runs)
    ]
    medians = {number: statistics.median(run["epochs_per_s"][number] for run in runs) for number in numbers}
    return {
        number: {"epochs_per_s": value, "times_one": round(value / medians["1"], 3)}
        for number, value in medians.items()
    }


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    parser.add_argument("--notation", default=NOTATION)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--no-mps", action="store_true", help="let the processes take turns on the GPU")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args(options)
    runs = []
    with tempfile.TemporaryDirectory() as place:
        write_random_images(Path(place) / "images.npz", arguments.images)
        for _ in range(arguments.repeats):
            runs.append(measure(arguments, Path(place)))
            print(runs[-1], file=sys.stderr)
    document = {"benchmark": "packing", "machine": describe_machine(), "network": arguments.notation}
    document |= {"device": arguments.device, "n": len(runs), "summary": summary(runs), "runs": runs}
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for number, values in document["summary"].items():
        print(f"{number:>3} trainings  {values['epochs_per_s']:8.3f} epochs/s  {values['times_one']:6.2f} x")


if __name__ == "__main__":
    main()
