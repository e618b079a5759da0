"""Rank correlations of the accuracies at rungs with the final accuracies.

Trains random MgNets, each several times, and evaluates them after some epochs in several ways: the weights,
averages of the weights, and a side branch whose learning rate falls to zero within half an epoch.

``record`` needs CIFAR-10 as an .npz file. It adds the missing rows to RECORDS, in several processes.
``analyse`` prints and writes the rank correlations with the final accuracy, which is a mean over seeds. It
does so for all networks and within a size, on the residuals of a linear regression on log(parameters).
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from torch import nn

from benchmarks.cifar16 import load_cifar16
from benchmarks.processes import run_parts
from space.config import SpaceConfig
from space.networks.mgnet import MgNetSpec
from space.search_space import SearchSpace
from trainers.data.device_data import ResidentData
from trainers.data.epoch_plan import batches_in, plan_epoch
from trainers.device.execution import StepMode
from trainers.optim.averaging import WeightAverage
from trainers.optim.schedule import multiplier
from trainers.randomness import derived_seed
from trainers.recipe import Recipe
from trainers.step import TrainStep

Array = NDArray[Any]
RESULTS = Path(__file__).parent / "results"
RECORDS = RESULTS / "rungs.jsonl"
SUMMARY = RESULTS / "rungs.json"
NUM_NETWORKS, NUM_SEEDS, EPOCHS = 60, 2, 9
RUNGS = (1, 3, 6, 9)
BRANCH_RUNGS = (1, 3)
BRANCH_EPOCHS = 0.5
AVERAGES = {
    "average 0.05/0.4": (0.05, 0.4),
    "average 0.14/0.2": (0.14, 0.2),
    "average 0.14/0.4": (0.14, 0.4),
    "average 0.14/0.7": (0.14, 0.7),
}
"""Longest and recent share of the steps, see ``WeightAverage``."""
WAYS = {"constant": ("weights", *AVERAGES, "branch"), "one_cycle": ("weights",)}
"""How trainings of each schedule are evaluated."""
SPACE = {
    "levels": 3,
    "nu": {"low": 1, "high": 3},
    "c_u": {"first": [8, 12, 16], "increment": [0, 8, 16]},
    "c_f": "c_u",
    "share_a": ["level", "iteration"],
    "share_b": ["level", "iteration"],
}
RECIPES = {
    "constant": Recipe(epochs=EPOCHS, batch_size=64, lr=0.1, flip=True, crop_padding=2, average=0.0),
    "one_cycle": Recipe(
        epochs=EPOCHS,
        batch_size=64,
        lr=0.1,
        flip=True,
        crop_padding=2,
        average=0.0,
        schedule="one_cycle",
        warmup=0.2,
    ),
}


class Run:
    """One training with all evaluations after the epochs in RUNGS."""

    def __init__(self, spec: MgNetSpec, data: ResidentData, recipe: Recipe, seed: int) -> None:
        from space.modules import build

        torch.manual_seed(derived_seed(seed, "initialisation"))
        self.network: nn.Module = build(spec).to(memory_format=torch.channels_last)
        self.data, self.recipe, self.seed = data, recipe, seed
        self.step = TrainStep(self.network, recipe, StepMode())
        self.batches = batches_in(len(data.train_labels), recipe.batch_size)
        total = self.batches * recipe.epochs
        self.averages = {
            k: WeightAverage(self.network, s * total, recent) for k, (s, recent) in AVERAGES.items()
        }

    def curves(self, branches: bool) -> dict[str, dict[int, float]]:
        found: dict[str, dict[int, float]] = {}
        for epoch in range(1, self.recipe.epochs + 1):
            self._train(epoch)
            if epoch in RUNGS:
                found.setdefault("weights", {})[epoch] = self._accuracy()
                for name, average in self.averages.items():
                    with average.applied():
                        found.setdefault(name, {})[epoch] = self._accuracy()
            if branches and epoch in BRANCH_RUNGS:
                found.setdefault("branch", {})[epoch] = self._branch(epoch)
        return found

    def _train(self, epoch: int) -> None:
        self.network.train()
        plan = plan_epoch(len(self.data.train_labels), self.recipe, self.seed, epoch)
        first = (epoch - 1) * self.batches
        for step, batch in enumerate(self.data.train_batches(plan, self.recipe), start=first + 1):
            self.step(batch, multiplier(self.recipe, (step - 0.5) / (self.batches * self.recipe.epochs)))
            for average in self.averages.values():
                average.update(step)

    def _branch(self, epoch: int) -> float:
        weights = copy.deepcopy(self.network.state_dict())
        momenta = [
            {weight: buffer.clone() for weight, buffer in optimizer.buffers.items()}
            for optimizer in self.step.optimizers
        ]
        self.network.train()
        num_steps = round(self.batches * BRANCH_EPOCHS)
        plan = plan_epoch(len(self.data.train_labels), self.recipe, self.seed, 1000 + epoch)
        for step, batch in zip(range(num_steps), self.data.train_batches(plan, self.recipe), strict=False):
            self.step(batch, 1 - (step + 0.5) / num_steps)
        accuracy = self._accuracy()
        self.network.load_state_dict(weights)
        for optimizer, momentum in zip(self.step.optimizers, momenta, strict=True):
            optimizer.buffers = momentum
        return accuracy

    @torch.inference_mode()
    def _accuracy(self) -> float:
        self.network.eval()
        right = sum(int((self.step.logits(x).argmax(1) == y).sum()) for x, y in self.data.val_batches(500))
        return right / len(self.data.val_labels)


def networks() -> list[Any]:
    space = SearchSpace(SpaceConfig.model_validate(SPACE), in_channels=3, num_classes=10, image_size=(16, 16))
    rng = random.Random(0)
    found: dict[str, Any] = {}
    while len(found) < NUM_NETWORKS:
        spec = space.spec(space.sample(rng)).canonical()
        found.setdefault(spec.arch, spec)
    return list(found.values())


def record(file: Path, part: int, parts: int) -> None:
    torch.set_num_threads(1)
    data = ResidentData(load_cifar16(file, 2560, 2500), torch.device("cpu"))
    out = RECORDS.with_suffix(f".{part}.jsonl")
    done = {(r["spec"], r["schedule"], r["seed"]) for r in read_records()}
    jobs = [("constant", seed) for seed in range(NUM_SEEDS)] + [("one_cycle", 0)]
    for schedule, seed in jobs:
        for spec in networks()[part::parts]:
            text = json.dumps(spec.to_dict(), sort_keys=True)
            if (text, schedule, seed) in done:
                continue
            began = time.perf_counter()
            curves = Run(spec, data, RECIPES[schedule], seed).curves(branches=schedule == "constant")
            row = {
                "spec": text, "notation": spec.notation, "params": spec.params, "schedule": schedule,
                "seed": seed, "curves": curves, "seconds": round(time.perf_counter() - began, 2),
            }  # fmt: skip
            with out.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(row) + "\n")


def read_records() -> list[dict[str, Any]]:
    files = sorted(RESULTS.glob("rungs*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def analyse() -> dict[str, Any]:
    """Return Spearman's correlations of the rung accuracies with the final accuracy, with intervals.

    The final accuracy of a training is the mean of all its averages; these are close at the end. Rungs are
    compared with the mean over all seeds, their own included. ``other_training`` compares them with the final
    accuracy of the other seed only, an independent training. Even two full trainings do not correlate
    perfectly. "Within a size" uses the residuals of both after a linear regression on log(parameters). The
    intervals are 80 % intervals of a bootstrap over networks.
    """
    records = read_records()
    by_schedule = {name: [row for row in records if row["schedule"] == name] for name in RECIPES}
    names = sorted({row["notation"] for row in records})
    params = np.array([next(row["params"] for row in records if row["notation"] == name) for name in names])
    ways = [
        (schedule, way, epoch)
        for schedule, all_ways in (
            ("constant", ("weights", *AVERAGES, "branch")),
            ("one_cycle", ("weights",)),
        )
        for way in all_ways
        for epoch in (BRANCH_RUNGS if way == "branch" else RUNGS)
    ]
    last = RUNGS[-1]
    ends = np.mean([_values(by_schedule["constant"], names, way, last) for way in AVERAGES], axis=0)
    mean = np.repeat(ends.mean(axis=1, keepdims=True), ends.shape[1], axis=1)
    other = (ends.sum(axis=1, keepdims=True) - ends) / (ends.shape[1] - 1)
    result: dict[str, Any] = {"networks": len(names), "seeds": NUM_SEEDS, "rows": []}
    for schedule, way, epoch in ways:
        values = _values(by_schedule[schedule], names, way, epoch)
        row = {
            "schedule": schedule, "evaluated": way, "epoch": epoch,
            "accuracy": float(values.mean()),
            "overall": _correlation(values, mean, None),
            "within_size": _correlation(values, mean, params),
            "other_training": _correlation(values, other, params),
        }  # fmt: skip
        result["rows"].append(row)
    return result


def _values(rows: list[dict[str, Any]], names: list[str], way: str, epoch: int) -> Array:
    """Return the accuracies, networks x seeds."""
    by_name: dict[str, list[float]] = {name: [] for name in names}
    for row in sorted(rows, key=lambda row: int(row["seed"])):
        by_name[row["notation"]].append(row["curves"][way][str(epoch)])
    least = min(len(values) for values in by_name.values())
    return np.array([by_name[name][:least] for name in names])


def _correlation(values: Array, truths: Array, params: Array | None) -> dict[str, float]:
    rng = np.random.default_rng(0)
    count = len(truths)
    draws = [_mean_spearman(values, truths, params, rng.integers(0, count, count)) for _ in range(500)]
    low, high = np.quantile(draws, [0.1, 0.9])
    all_rows = np.arange(count)
    return {"value": _mean_spearman(values, truths, params, all_rows), "low": float(low), "high": float(high)}


def _mean_spearman(values: Array, truths: Array, params: Array | None, rows: Array) -> float:
    found = []
    for seed in range(values.shape[1]):
        seen, end = values[rows, seed], truths[rows, seed]
        if params is not None:
            seen, end = (_without_size(column, params[rows]) for column in (seen, end))
        found.append(spearmanr(seen, end).statistic)
    return float(np.mean(found))


def _without_size(values: Array, params: Array) -> Array:
    slope, intercept = np.polyfit(np.log(params), values, 1)
    return values - slope * np.log(params) - intercept


def _with_interval(found: dict[str, float]) -> str:
    return f"{found['value']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def table(result: dict[str, Any]) -> str:
    kinds = ("overall", "within_size", "other_training")
    lines = [
        f"{result['networks']} networks, {result['seeds']} seeds",
        f"{'schedule':<10} {'evaluated':<17} {'epoch':>5} {'accuracy':>8}  "
        f"{'overall':<21} {'within a size':<21} with the other training",
    ]
    for row in result["rows"]:
        shown = "  ".join(f"{_with_interval(row[kind]):<20}" for kind in kinds)
        what = f"{row['schedule']:<10} {row['evaluated']:<17} {row['epoch']:>5}"
        lines.append(f"{what} {100 * row['accuracy']:>8.2f}  {shown}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["record", "analyse"])
    parser.add_argument("--data", type=Path, help="an .npz file with CIFAR-10")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--part", type=int)
    arguments = parser.parse_args()
    if arguments.part is not None:
        record(arguments.data, arguments.part, arguments.processes)
        return
    if arguments.what == "analyse":
        result = analyse()
        SUMMARY.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        print(table(result))
        return
    run_parts("benchmarks.rungs", ["record"], arguments.data, arguments.processes)


if __name__ == "__main__":
    main()
