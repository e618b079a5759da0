"""Search a perceptron of scikit-learn: accuracy against parameters, with early stopping.

    python examples/optuna/sklearn_mlp.py [--trials 30] [--epochs 27]

The number of parameters is known before a trial runs, so the sampler chooses by it and trials race at equal size.
"""

from __future__ import annotations

import argparse
import itertools
import warnings
from typing import Any

import optuna
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from mgnas.optuna import EarlyStopping, FrontierSampler

INPUTS, CLASSES = 64, 10


def num_params(params: dict[str, Any]) -> int:
    """The second objective: weights and biases of all layers."""
    widths = [INPUTS, *[params["width"]] * params["depth"], CLASSES]
    return sum((before + 1) * after for before, after in itertools.pairwise(widths))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=27)
    arguments = parser.parse_args()
    images, labels = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16, labels, test_size=0.3, random_state=0, stratify=labels)
    stopping = EarlyStopping(arguments.epochs, costs=num_params)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 4, 128, log=True)
        depth = trial.suggest_int("depth", 1, 3)
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        decay = trial.suggest_float("decay", 1e-6, 1e-1, log=True)
        model = MLPClassifier((width,) * depth, alpha=decay, learning_rate_init=rate, random_state=0)
        accuracy = 0.0
        for epoch in range(1, arguments.epochs + 1):
            model.partial_fit(x, y, classes=range(CLASSES))
            accuracy = model.score(x_val, y_val)
            if stopping.report(trial, epoch, accuracy):
                raise optuna.TrialPruned
        return accuracy, num_params(trial.params)

    warnings.simplefilter("ignore", ConvergenceWarning)
    study = optuna.create_study(
        directions=["maximize", "minimize"], sampler=FrontierSampler(num_params, seed=0)
    )
    study.optimize(objective, n_trials=arguments.trials)
    for trial in sorted(study.best_trials, key=lambda trial: trial.values[1]):
        print(f"{trial.values[1]:8,.0f} parameters  {100 * trial.values[0]:5.2f} %  {trial.params}")


if __name__ == "__main__":
    main()
