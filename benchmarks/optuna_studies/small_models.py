"""Small real problems of scikit-learn: accuracy against parameters or leaves."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from benchmarks.optuna_studies.problem import StudyProblem, Values

NUM_CLASSES = 10


def _log_costs(low: float, high: float) -> Any:
    def scale(values: Sequence[Values], _: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        found = np.array(values).reshape(-1, 2)
        found[:, 1] = (np.log(found[:, 1]) - math.log(low)) / math.log(high / low)
        return found

    return scale


def _digits() -> tuple[Any, ...]:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    return tuple(train_test_split(images / 16, labels, test_size=0.4, random_state=0, stratify=labels))


def mlp_on_digits() -> StudyProblem:
    """Return a perceptron: error against parameters, which are known."""
    from sklearn.neural_network import MLPClassifier

    x, x_val, y, y_val = _digits()

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "width": trial.suggest_int("width", 2, 128, log=True),
            "depth": trial.suggest_int("depth", 1, 3),
            "rate": trial.suggest_float("rate", 1e-4, 1e-1, log=True),
            "decay": trial.suggest_float("decay", 1e-6, 1e-1, log=True),
            "activation": trial.suggest_categorical("activation", ["relu", "tanh", "logistic"]),
        }

    def costs(params: Mapping[str, Any]) -> Values:
        widths = [64, *[params["width"]] * params["depth"], NUM_CLASSES]
        return (float(sum((a + 1) * b for a, b in itertools.pairwise(widths))),)

    def evaluate(params: Mapping[str, Any], seed: int) -> Values:
        model = MLPClassifier(
            (params["width"],) * params["depth"],
            activation=params["activation"],
            alpha=params["decay"],
            learning_rate_init=params["rate"],
            max_iter=15,
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(x, y)
        return (1 - float(model.score(x_val, y_val)), *costs(params))

    low, high = costs({"width": 2, "depth": 1})[0], costs({"width": 128, "depth": 3})[0]
    return StudyProblem(
        "mlp on digits", suggest, evaluate, (1.0, 1.0), _log_costs(low, high), costs, trials=50
    )


def forest_on_digits() -> StudyProblem:
    """Return a random forest: error against leaves, which are known only after the training."""
    from sklearn.ensemble import RandomForestClassifier

    x, x_val, y, y_val = _digits()

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "trees": trial.suggest_int("trees", 1, 64, log=True),
            "depth": trial.suggest_int("depth", 1, 16),
            "features": trial.suggest_float("features", 0.05, 1.0, log=True),
            "samples": trial.suggest_int("samples", 1, 32, log=True),
        }

    def evaluate(params: Mapping[str, Any], seed: int) -> Values:
        model = RandomForestClassifier(
            params["trees"],
            max_depth=params["depth"],
            max_features=params["features"],
            min_samples_leaf=params["samples"],
            random_state=seed,
        ).fit(x, y)
        leaves = sum(tree.get_n_leaves() for tree in model.estimators_)
        return 1 - float(model.score(x_val, y_val)), float(leaves)

    return StudyProblem("forest on digits", suggest, evaluate, (1.0, 1.0), _log_costs(2, 10_000), trials=50)


def boosting_on_breast_cancer() -> StudyProblem:
    """Return gradient boosting: error of three folds against leaves, which are known only after the training."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold

    x, y = load_breast_cancer(return_X_y=True)

    def suggest(trial: optuna.Trial) -> dict[str, Any]:
        return {
            "trees": trial.suggest_int("trees", 1, 100, log=True),
            "leaves": trial.suggest_int("leaves", 2, 32, log=True),
            "rate": trial.suggest_float("rate", 0.01, 1.0, log=True),
            "rows": trial.suggest_float("rows", 0.3, 1.0),
            "features": trial.suggest_float("features", 0.05, 1.0, log=True),
        }

    def evaluate(params: Mapping[str, Any], seed: int) -> Values:
        wrong = leaves = 0
        for rows, others in StratifiedKFold(3, shuffle=True, random_state=0).split(x, y):
            model = GradientBoostingClassifier(
                n_estimators=params["trees"],
                max_leaf_nodes=params["leaves"],
                max_depth=None,
                learning_rate=params["rate"],
                subsample=params["rows"],
                max_features=params["features"],
                random_state=seed,
            ).fit(x[rows], y[rows])
            wrong += int((model.predict(x[others]) != y[others]).sum())
            leaves += sum(tree.get_n_leaves() for tree in model.estimators_.flat)
        return wrong / len(y), float(leaves) / 3

    return StudyProblem(
        "boosting on breast cancer", suggest, evaluate, (0.2, 1.0), _log_costs(2, 2_000), trials=50
    )
