"""What raises the accuracy of small networks: ``python -m benchmarks.small_recipe --data FILE.npz --out FILE.jsonl``.

Trains networks of about 10, 50 and 200 thousand parameters by the recipe of ``cifar10-tiny`` and by one change of it
at a time, from several seeds. It reads ``x_train`` and ``y_train`` only: all choices are made on a validation split.

Each training appends a row to ``--out``; the same command continues after a stop. The teacher is the largest of
``NETWORKS``; its weights are kept beside ``--out``. With ``--table``, the command prints the table of ``--out`` only.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.cifar16 import load_cifar16
from benchmarks.machine import describe_machine
from benchmarks.rows import read_rows
from search.study.resolve import Request, resolve
from space.notation.parse import parse_notation
from trainers.data.device_data import ResidentData
from trainers.data.splits import SearchData, Split
from trainers.device.calibration import Calibration
from trainers.device.execution import ExecutionConfig
from trainers.recipe import Recipe
from trainers.teacher import load_teacher
from trainers.teacher_checks import weights_digest
from trainers.training import Training

NETWORKS = {
    "10k": "MgNet[2,2,2]-[8,8,16]-B^l",
    "50k": "MgNet[2,2,2]-[12,20,36]-B^l",
    "200k": "MgNet[2,2,2]-[24,44,64]-B^l",
}
TEACHER = "200k"
TEACHER_SEED = 1000
"""A seed that no student has."""
VARIANTS: dict[str, dict[str, Any]] = {
    "base": {},
    "trivial_augment": {"trivial_augment": 1.0},
    "trivial_augment 0.5": {"trivial_augment": 0.5},
    "random_erasing": {"random_erasing": 0.25},
    "mixup": {"mixup": 0.2},
    "no average": {"average": 0.0},
}
"""Changes of the recipe. The base averages the weights already, so the average is left out instead."""
TAUGHT: dict[str, dict[str, Any]] = {
    "distillation": {},
    "distillation, weight 0.5": {"distill_weight": 0.5},
    "distillation, weight 1": {"distill_weight": 1.0},
    "distillation, temperature 2": {"distill_temperature": 2.0},
    "distillation, temperature 8": {"distill_temperature": 8.0},
}
"""The base with a teacher, and changes of that recipe."""
LONGER = "longer"
"""The base with twice the epochs."""
USUAL = [*VARIANTS, "distillation", LONGER]


@dataclass(frozen=True)
class Bench:
    """What all trainings of a run share."""

    data: ResidentData
    base: Recipe
    calibration: Calibration
    out: Path
    facts: dict[str, Any]

    @property
    def recorded(self) -> list[dict[str, Any]]:
        """The rows of ``out``."""
        return read_rows(self.out)

    def run(self, size: str, variant: str, seed: int) -> None:
        """Train one network, unless its row is there, and append its row.

        The teacher is trained again if its weights are missing.
        """
        known = self._key(size, variant, seed)
        is_teacher = (size, variant, seed) == (TEACHER, "base", TEACHER_SEED)
        is_missing = is_teacher and not self._teacher_path.exists()
        if not is_missing and any(row.items() >= known.items() for row in self.recorded):
            return
        training = self._training(size, variant, seed)
        reports = list(training.epochs())
        if is_teacher:
            training.save(self._teacher_path)
        row = known | {
            "notation": training.spec.notation,
            "params": training.spec.params,
            "epochs": training.recipe.epochs,
            "val_accuracy": reports[-1].val_accuracy,
            "train_loss": reports[-1].train_loss,
            "seconds": round(sum(report.seconds for report in reports), 1),
            "recipe": training.recipe.model_dump(exclude_defaults=True),
        }
        with self.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(
            f"{size} {variant} seed {seed}: {100 * row['val_accuracy']:.2f} %, {row['seconds']} s", flush=True
        )

    def _key(self, size: str, variant: str, seed: int) -> dict[str, Any]:
        return self.facts | {"network": size, "variant": variant, "seed": seed}

    @property
    def _teacher_path(self) -> Path:
        return self.out.with_suffix(".teacher.safetensors")

    def _training(self, size: str, variant: str, seed: int) -> Training:
        images = self.data.search_data
        spec = parse_notation(NETWORKS[size], in_channels=images.in_channels, num_classes=images.num_classes)
        recipe, teacher = self.base, None
        if variant == LONGER:
            recipe = recipe.replaced({"epochs": 2 * recipe.epochs})
        elif variant in TAUGHT:
            digest = self._teacher_digest()
            recipe = recipe.replaced({"teacher": digest, **TAUGHT[variant]})
            teacher = load_teacher(self._teacher_path, digest, self.data)
        else:
            recipe = recipe.replaced(VARIANTS[variant])
        mode = self.calibration.mode(spec, recipe, ExecutionConfig(), images.image_size)
        return Training(spec, self.data, recipe, seed, mode, teacher=teacher)

    def _teacher_digest(self) -> str:
        """Return the digest of the teacher's weights; train the teacher first if there is none."""
        if not self._teacher_path.exists():
            self.run(TEACHER, "base", TEACHER_SEED)
        return weights_digest(self._teacher_path.read_bytes())


def load_images(file: Path, num_train: int, num_val: int, size: int) -> SearchData:
    """Return the first images of a fixed random order of the training images, of 32 x 32 or 16 x 16 pixels."""
    if size == 16:
        return load_cifar16(file, num_train, num_val)
    with np.load(file) as arrays:
        images, labels = arrays["x_train"], arrays["y_train"].astype(np.int64)
        named = arrays["classes"] if "classes" in arrays else range(int(labels.max()) + 1)
        classes = tuple(str(name) for name in named)
    rows = np.random.default_rng(0).permutation(len(labels))
    train, val = rows[:num_train], rows[num_train : num_train + num_val]
    return SearchData(
        "cifar10", classes, Split(images[train], labels[train]), Split(images[val], labels[val])
    )


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return mean accuracies, and differences to the base by seed: mean and standard deviation."""
    lines = [
        "| network | variant | n | accuracy, % | difference to base, points |",
        "| --- | --- | --- | --- | --- |",
    ]
    rows = [row for row in rows if row["seed"] != TEACHER_SEED]
    for size in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == size]
        base = {row["seed"]: row["val_accuracy"] for row in own if row["variant"] == "base"}
        for variant in dict.fromkeys(row["variant"] for row in own):
            found = {row["seed"]: row["val_accuracy"] for row in own if row["variant"] == variant}
            gains = [100 * (found[seed] - base[seed]) for seed in found if seed in base]
            gain = "" if variant == "base" or not gains else f"{statistics.mean(gains):+.2f}{_spread(gains)}"
            accuracies = [100 * value for value in found.values()]
            mean = f"{statistics.mean(accuracies):.2f}{_spread(accuracies)}"
            lines.append(f"| {size} | {variant} | {len(found)} | {mean} | {gain} |")
    return "\n".join(lines)


def _spread(values: Sequence[float]) -> str:
    return f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""


def main(arguments: Sequence[str] | None = None) -> None:
    asked = _parse(arguments)
    if asked.table:
        print(table(read_rows(asked.out)))
        return
    device = torch.device(asked.device)
    if asked.device == "cpu":
        torch.set_num_threads(1)
    images = load_images(asked.data, asked.train_images, asked.val_images, asked.size)
    config, _ = resolve(Request(preset="cifar10-tiny", resumes=False))
    changes = {"epochs": asked.epochs, "batch_size": asked.batch_size}
    if asked.size == 16:
        changes["crop_padding"] = 2
    facts = {
        "size": asked.size,
        "train_images": len(images.train),
        "val_images": len(images.val),
        "base_epochs": asked.epochs,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
    }
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    machine = asked.out.with_suffix(".machine.json")
    machine.write_text(json.dumps(describe_machine(), indent=2) + "\n", encoding="utf-8")
    calibration = Calibration(device, asked.out.parent / "calibration")
    base = config.train.replaced(changes)
    bench = Bench(ResidentData(images, device), base, calibration, asked.out, facts)
    for size in asked.networks:
        for seed in range(asked.seeds):
            for variant in asked.variants:
                bench.run(size, variant, seed)
    print(table(bench.recorded))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="an archive with x_train, y_train and classes")
    parser.add_argument("--out", type=Path, required=True, help="the rows, as JSON lines")
    parser.add_argument("--table", action="store_true", help="print the table of --out only")
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--variants", nargs="+", choices=[*VARIANTS, LONGER, *TAUGHT], default=USUAL)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--size", type=int, choices=[16, 32], default=32, help="side of the images in pixels")
    parser.add_argument("--train-images", type=int, default=45_000)
    parser.add_argument("--val-images", type=int, default=5_000)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cuda")
    found = parser.parse_args(arguments)
    if found.data is None and not found.table:
        parser.error("--data is needed; --table needs none")
    return found


if __name__ == "__main__":
    main()
