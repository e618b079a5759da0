"""SGD against Muon at equal epochs, for networks of several sizes: ``python -m benchmarks.optimizers``.

Trains the first networks of ``benchmarks.rungs`` by each recipe on CIFAR-10 at 16 x 16 pixels. ``--data`` is
an .npz file. The benchmark writes the accuracies after each epoch. All recipes use the same images and
floating-point operations.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.cifar16 import load_cifar16
from benchmarks.machine import describe_machine
from benchmarks.rungs import networks
from trainers.data.device_data import ResidentData
from trainers.recipe import Recipe
from trainers.training import Training

RESULTS = Path(__file__).parent / "results" / "optimizers.json"
BASE = Recipe(epochs=9, batch_size=64, lr=0.1, flip=True, crop_padding=2, precision="float32")
CHANGES: dict[str, dict[str, Any]] = {
    "sgd, lr 0.05": {"lr": 0.05},
    "sgd, lr 0.1": {},
    "muon, lr 0.01": {"optimizer": "muon", "muon_lr": 0.01},
    "muon, lr 0.02": {"optimizer": "muon", "muon_lr": 0.02},
    "muon, lr 0.03": {"optimizer": "muon", "muon_lr": 0.03},
}
SEED = 7


def record(file: Path, num_networks: int) -> list[dict[str, Any]]:
    torch.set_num_threads(1)
    data = ResidentData(load_cifar16(file, 2560, 2500), torch.device("cpu"))
    rows = []
    for spec in networks()[:num_networks]:
        for name, changes in CHANGES.items():
            began = time.perf_counter()
            reports = list(Training(spec, data, BASE.replaced(changes), SEED).epochs())
            row = {
                "network": spec.notation,
                "params": spec.params,
                "recipe": name,
                "val_accuracy": [round(report.val_accuracy, 4) for report in reports],
                "seconds": round(time.perf_counter() - began, 1),
            }
            rows.append(row)
            print(json.dumps(row), flush=True)
    return rows


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return mean accuracies and, by network, differences to SGD at its better learning rate."""
    by_recipe = {
        name: {r["network"]: r["val_accuracy"] for r in rows if r["recipe"] == name} for name in CHANGES
    }
    base = by_recipe["sgd, lr 0.1"]
    found = {}
    for name, curves in by_recipe.items():
        gains = [curve[-1] - base[network][-1] for network, curve in curves.items()]
        found[name] = {
            "n": len(curves),
            "mean": {
                epoch: statistics.fmean(c[epoch - 1] for c in curves.values()) for epoch in (1, 3, 6, 9)
            },
            "gain": {
                "mean": statistics.fmean(gains),
                "deviation": statistics.stdev(gains) if len(gains) > 1 else None,
                "least": min(gains),
            },
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--networks", type=int, default=12)
    arguments = parser.parse_args()
    rows = record(arguments.data, arguments.networks)
    result = {"machine": describe_machine(), "seed": SEED, "summary": summary(rows), "rows": rows}
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result["summary"], indent=2))


if __name__ == "__main__":
    main()
