"""The queue of GPU runs, most wanted first; each run continues the last one.

    python -m benchmarks.gpu_day --data npz:cifar10.npz --out NEW [--from OLD] [--minutes 9] [--only NAME ...]

``--out`` gets the folder of the queue as files of at most 15 MiB: studies, results and logs. ``--from`` takes such
files of an earlier run. ``--rehearse`` runs every step in small on the CPU, on random images.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu_day.parcels import pack, unpack
from benchmarks.gpu_day.queue import run_queue
from benchmarks.gpu_day.steps import Scale, steps
from benchmarks.machine import describe_machine
from benchmarks.packing import write_random_images
from space.core.atomic_files import write_atomic

ROOT = Path(__file__).resolve().parents[2]
SMALL = (
    *("space.levels=2", "space.nu=1", "space.c_u={low=2,high=4}", "space.max_macs=1000000000"),
    *("train.epochs=2", "train.batch_size=32", "search.trials=2"),
)
"""Assignments of a rehearsal."""


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", help="the images, as 'mgnas search --data' takes them")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the files of this run")
    parser.add_argument(
        "--from", dest="source", type=Path, help="the folder with the files of an earlier run"
    )
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these steps only")
    parser.add_argument("--list", action="store_true", help="print the steps and end")
    parser.add_argument("--rehearse", action="store_true", help="every step in small, on the CPU")
    arguments = parser.parse_args(options)
    if not arguments.rehearse and not arguments.list and arguments.data is None:
        parser.error("--data is needed; --rehearse makes images of its own")
    with tempfile.TemporaryDirectory(prefix="mgnas-gpu-day-") as place:
        folder = Path(place)
        scale = rehearsal(folder) if arguments.rehearse else Scale(arguments.data or "npz:images.npz")
        wanted = [step for step in steps(scale, ROOT) if not arguments.only or step.name in arguments.only]
        if arguments.list:
            for step in wanted:
                print(f"{step.name:<20} {' '.join(step.command[3:])}")
            return
        if arguments.source is not None:
            unpack(arguments.source, folder)
        write_atomic(folder / "machine.json", json.dumps(describe_machine(), indent=2) + "\n")
        try:
            run_queue(wanted, folder, 60 * arguments.minutes)
        finally:
            for path in pack(folder, arguments.out):
                print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB")


def rehearsal(folder: Path) -> Scale:
    """Return every step in small: random images in ``folder``, on the CPU."""
    write_random_images(folder / "images.npz", 200, test=40)
    return Scale(
        f"npz:{folder}/images.npz",
        SMALL,
        presets=("cifar10-tiny",),
        device="cpu",
        seeds=2,
        epochs=1,
        references=("resnet18@0.03125",),
        papers=("mgnet-256-Bl@0.015625",),
        claims=("MgNet[1]-2-B^l",),
        packing=("--counts", "1", "2", "--images", "100", "--repeats", "1", "--notation", "MgNet[1]-2-B^l"),
        recipe=(
            *("--networks", "10k", "--variants", "base", "mixup", "--seeds", "1", "--epochs", "1"),
            *("--batch-size", "32", "--train-images", "100", "--val-images", "50"),
        ),
        tests=("-q", "-n0", "tests/search/executors/test_slots.py"),
    )


if __name__ == "__main__":
    main()
