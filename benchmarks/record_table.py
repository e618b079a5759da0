"""Records the table of a small space: every network of it trained, its curve kept. For replays of searches.

``python -m benchmarks.record_table --data CIFAR10.npz`` trains what is missing in the table, in several
processes; it can be stopped and goes on. CIFAR-10 at 16 x 16 pixels, 2,560 images to train and 2,500 to
validate. Every network is trained from seed 0, and every STEP-th of them, over the scale of sizes, from more.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from benchmarks.cifar16 import load_cifar16
from benchmarks.machine import describe_machine
from benchmarks.processes import run_parts
from search.replay.table import CIFAR16, Table, TableHeader, TableRow
from space.search_space import SearchSpace
from space.space_config import SpaceConfig
from space.spec import Spec
from trainers.device_data import ResidentData
from trainers.recipe import Recipe
from trainers.training import Training

PARTS = Path(__file__).parent / "results" / "table_cifar16.jsonl"
"""What the processes write, each beside it."""
SPACE = {
    "levels": 3,
    "nu": [1, 2],
    "c_u": {"first": [8, 16], "increment": [0, 8, 16]},
    "c_f": "c_u",
    "share_a": ["level", "iteration"],
    "share_b": ["level", "iteration"],
}
RECIPE = Recipe(
    epochs=9,
    batch_size=64,
    lr=0.05,
    optimizer="muon",
    flip=True,
    crop_padding=2,
    precision="float32",
)
MORE_SEEDS, STEP = (1, 2), 6


def table_space() -> SearchSpace:
    return SearchSpace(SpaceConfig.model_validate(SPACE), in_channels=3, num_classes=10, image_size=(16, 16))


def networks() -> list[Spec]:
    """Every network of the space once, by size."""
    space = table_space()
    found = {spec.arch: spec for spec in (space.spec(point).canonical() for point in space.points())}
    return sorted(found.values(), key=lambda spec: (spec.params, spec.arch))


def jobs() -> list[tuple[Spec, int]]:
    """Networks and seeds, in an order in which any beginning is spread over all sizes."""
    specs = networks()
    spread = [spec for start in range(STEP) for spec in specs[start::STEP]]
    return [(spec, 0) for spec in spread] + [(spec, seed) for seed in MORE_SEEDS for spec in specs[::STEP]]


def read_parts() -> list[dict[str, Any]]:
    files = sorted(PARTS.parent.glob(f"{PARTS.stem}.[0-9]*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def read_rows() -> list[TableRow]:
    """Return the rows of the table as it was gathered last, and what was trained since."""
    gathered = Table.read(CIFAR16).rows if CIFAR16.exists() else []
    return [*gathered, *(TableRow.model_validate(row) for row in read_parts())]


def record(file: Path, part: int, parts: int) -> None:
    torch.set_num_threads(1)
    data = ResidentData(load_cifar16(file, 2560, 2500), torch.device("cpu"))
    done = {(row.arch, row.seed) for row in read_rows()}
    for spec, seed in jobs()[part::parts]:
        if (spec.arch, seed) in done:
            continue
        training = Training(spec, data, RECIPE, seed)
        reports = list(training.epochs())
        row = {
            "arch": spec.arch,
            "seed": seed,
            "params": spec.params,
            "macs": spec.counts((16, 16)).macs,
            "val_accuracy": [round(report.val_accuracy, 5) for report in reports],
            "val_loss": [round(report.val_loss, 4) for report in reports],
            "train_loss": [round(report.train_loss, 4) for report in reports],
            "seconds": [round(report.seconds, 3) for report in reports],
        }
        with PARTS.with_suffix(f".{part}.jsonl").open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(row, separators=(",", ":")) + "\n")


def gather() -> int:
    """Bring what the processes have written into the table, and return the number of its rows."""
    rows = sorted(read_rows(), key=lambda row: (row.seed, row.params, row.arch))
    header = TableHeader(
        table="cifar16",
        space=SpaceConfig.model_validate(SPACE),
        epochs=RECIPE.epochs,
        image_size=(16, 16),
        data="CIFAR-10 (JPEG quality 95) at 16 x 16 pixels, 2,560 images to train, 2,500 to validate",
        recipe=RECIPE.model_dump(mode="json", exclude_defaults=True),
        machine=json.dumps(describe_machine()),
    )
    Table(header, rows).write(CIFAR16)
    for part in PARTS.parent.glob(f"{PARTS.stem}.[0-9]*.jsonl"):
        part.unlink()
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, help="an .npz file with CIFAR-10; without it rows are gathered only"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--part", type=int)
    arguments = parser.parse_args()
    if arguments.part is not None:
        record(arguments.data, arguments.part, arguments.processes)
        return
    if arguments.data is not None:
        run_parts("benchmarks.record_table", [], arguments.data, arguments.processes)
    print(f"{gather()} trainings of {len(jobs())}")


if __name__ == "__main__":
    main()
