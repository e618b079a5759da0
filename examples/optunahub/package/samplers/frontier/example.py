"""Accuracy against parameters of a perceptron, whose parameters are counted before it is trained."""

from __future__ import annotations

from typing import Any

import optuna
import optunahub
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

EPOCHS = 9
module = optunahub.load_module("samplers/frontier")


def num_params(params: dict[str, Any]) -> int:
    return 65 * params["width"] + 10 * (params["width"] + 1)


def main() -> None:
    images, labels = load_digits(return_X_y=True)
    x, x_val, y, y_val = train_test_split(images / 16, labels, test_size=0.3, random_state=0)
    stopping = module.EarlyStopping(EPOCHS, costs=num_params)

    def objective(trial: optuna.Trial) -> tuple[float, float]:
        width = trial.suggest_int("width", 2, 128, log=True)
        rate = trial.suggest_float("rate", 1e-4, 1e-1, log=True)
        model = MLPClassifier((width,), learning_rate_init=rate, random_state=0)
        accuracy = 0.0
        for epoch in range(1, EPOCHS + 1):
            model.partial_fit(x, y, classes=range(10))
            accuracy = model.score(x_val, y_val)
            if stopping.report(trial, epoch, accuracy):
                raise optuna.TrialPruned
        return accuracy, num_params(trial.params)

    sampler = module.FrontierSampler(num_params, seed=0)
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    study.optimize(objective, n_trials=30)
    for trial in study.best_trials:
        print(trial.values, trial.params)


if __name__ == "__main__":
    main()
