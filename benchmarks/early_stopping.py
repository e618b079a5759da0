"""What ``EarlyStopping`` gains on real trainings: ``python -m benchmarks.early_stopping [--seeds 10] [--epochs 810]``.

Perceptrons of scikit-learn on digits: validation error against parameters, which are known. Each study may train the
same number of epochs in all, with whole trainings or with early stopping. Only whole trainings count, as on the front
of a study. Prints the hypervolume over the logarithm of the parameters at two budgets, and paired differences.
"""

from __future__ import annotations

import argparse
import itertools
import math
import statistics
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from optuna.samplers import BaseSampler

from mgnas.optuna import EarlyStopping, FrontierSampler
from results.hypervolume import hypervolume
from search.study.seeds import derive_seed

EPOCHS = 27
CLASSES = 10
SMALLEST, LARGEST = 170.0, 42_826.0
"""Parameters of the smallest and the largest network."""
Point = tuple[float, float]


def num_params(params: Mapping[str, Any]) -> int:
    """Return the parameters of a perceptron on images of 64 pixels."""
    widths = [64, *[params["width"]] * params["depth"], CLASSES]
    return sum((a + 1) * b for a, b in itertools.pairwise(widths))


TOLD = ", told results"
"""Stopped trials return ``EarlyStopping.result``; otherwise they are pruned."""
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
    "tpe multivariate": lambda seed: optuna.samplers.TPESampler(multivariate=True, seed=seed),
    f"tpe multivariate{TOLD}": lambda seed: optuna.samplers.TPESampler(multivariate=True, seed=seed),
    "frontier": lambda seed: FrontierSampler(seed=seed),
    "frontier, costs known": lambda seed: FrontierSampler(num_params, seed=seed),
}


class Trainings:
    """The trainings of one study: what was trained, and how many epochs it took."""

    def __init__(self, seed: int, budget: int, stopping: EarlyStopping | None, *, tells: bool) -> None:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        images, labels = load_digits(return_X_y=True)
        self._data = train_test_split(images / 16, labels, test_size=0.4, random_state=0, stratify=labels)
        self._seed, self._budget, self._stopping, self._tells = seed, budget, stopping, tells
        self.used = 0
        self.ends: list[int] = []
        """The epochs used so far at the end of each training."""
        self.points: list[tuple[int, Point]] = []
        """The epochs used so far, and the error and the parameters of a network, for each whole training."""

    def objective(self, trial: optuna.Trial) -> tuple[float, ...] | float:
        """Train one network to its end, or until it is stopped, or until the budget is spent."""
        from sklearn.neural_network import MLPClassifier

        width = trial.suggest_int("width", 2, 128, log=True)
        depth = trial.suggest_int("depth", 1, 3)
        model = MLPClassifier(
            (width,) * depth,
            activation=trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
            alpha=trial.suggest_float("decay", 1e-6, 1e-1, log=True),
            learning_rate_init=trial.suggest_float("rate", 1e-4, 1e-1, log=True),
            random_state=derive_seed(self._seed, trial.number, "training"),
        )
        x, x_val, y, y_val = self._data
        error, epoch, is_stopped = 1.0, 0, False
        for epoch in range(1, EPOCHS + 1):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.partial_fit(x, y, classes=range(CLASSES))
            error = 1 - float(model.score(x_val, y_val))
            self.used += 1
            is_stopped = self._stopping is not None and self._stopping.report(trial, epoch, 1 - error)
            if is_stopped or self.used >= self._budget:
                break
        self.ends.append(self.used)
        if epoch == EPOCHS:
            self.points.append((self.used, (error, float(num_params(trial.params)))))
        if self.used >= self._budget:
            trial.study.stop()
        if is_stopped and self._tells and self._stopping is not None:
            return self._stopping.result(trial)
        if is_stopped:
            raise optuna.TrialPruned
        return 1 - error, float(num_params(trial.params))

    def hypervolume(self, epochs: int) -> float:
        """Return the hypervolume of the networks wholly trained within a number of epochs, from 0 to 1."""
        span = math.log(LARGEST / SMALLEST)
        scaled = [
            (error, math.log(params / SMALLEST) / span)
            for used, (error, params) in self.points
            if used <= epochs
        ]
        return hypervolume(scaled, (1.0, 1.0)) if scaled else 0.0


def run(sampler: str, is_stopping: bool, seed: int, budget: int) -> Trainings:
    """Run one study until its epochs are spent."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    stopping = EarlyStopping(EPOCHS, costs=num_params) if is_stopping else None
    trainings = Trainings(seed, budget, stopping, tells=sampler.endswith(TOLD))
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=SAMPLERS[sampler](seed))
    study.optimize(trainings.objective)
    return trainings


def row(sampler: str, plain: Sequence[Trainings], stopped: Sequence[Trainings], budget: int) -> str:
    """Return a line of the table: both means at a budget, and the paired difference with its standard error."""
    values = [[one.hypervolume(budget) for one in group] for group in (plain, stopped)]
    differences = [b - a for a, b in zip(*values, strict=True)]
    error = statistics.stdev(differences) / math.sqrt(len(differences)) if len(differences) > 1 else math.nan
    counts = (sum(used <= budget for used in one.ends) for one in stopped)
    return (
        f"| {sampler} | {budget} | {np.mean(values[0]):.3f} | {np.mean(values[1]):.3f} | "
        f"{np.mean(differences):+.3f} ± {error:.3f} | {budget // EPOCHS} | {statistics.median(counts):.0f} |"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=30 * EPOCHS, help="the budget of a study")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    asked = parser.parse_args(arguments)
    print("| sampler | epochs | whole | with early stopping | difference | networks, whole | with stopping |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for sampler in asked.samplers:
        plain = [run(sampler, False, seed, asked.epochs) for seed in range(asked.seeds)]
        stopped = [run(sampler, True, seed, asked.epochs) for seed in range(asked.seeds)]
        for budget in (asked.epochs // 3, asked.epochs):
            print(row(sampler, plain, stopped, budget), flush=True)


if __name__ == "__main__":
    main()
