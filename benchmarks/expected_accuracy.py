"""The expected final accuracies of the networks of a table, without the noise of single trainings.

A table has one training of each network, with noise. The best of hundreds of trainings were partly lucky. A
search must find good networks, not lucky trainings. A Gaussian process of scikit-learn, fitted to the whole
table, separates the two. Its residuals are as large as the difference between two trainings of one network.
``python -m benchmarks.expected_accuracy`` prints both.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Mapping, Sequence
from statistics import fmean, variance

import numpy as np

from search.samplers.network_points import NetworkPoints
from search.samplers.observations import identity
from search.simulator.tabular_benchmark import SHIPPED, TableRow, TabularBenchmark
from space.search_space import SearchSpace


def expected_accuracies(space: SearchSpace, rows: Sequence[TableRow]) -> dict[str, float]:
    """Return the expected final accuracy of each network by its identity."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    points = NetworkPoints(space, identity, lambda counts: (float(counts.params),))
    inputs = {}
    for point in points.enumerate(10**6) or ():
        assert point.costs is not None
        inputs[str(point.key)] = np.array([math.log(point.costs[0]), *points.rows([point])[0]])
    trained = [row for row in rows if row.failure is None]
    x, y = np.array([inputs[row.arch] for row in trained]), [row.val_accuracy[-1] for row in trained]
    kernel = ConstantKernel(1.0) * RBF(np.ones(x.shape[1]), (0.05, 100.0)) + WhiteKernel(0.1)
    process = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # length scales of hyperparameters without effect
        process.fit(x, y)
    archs = sorted({row.arch for row in trained})
    means = process.predict(np.array([inputs[arch] for arch in archs]))
    return {arch: round(float(mean), 5) for arch, mean in zip(archs, means, strict=True)}


def with_expected(rows: Sequence[TableRow], expected: Mapping[str, float]) -> list[TableRow]:
    return [row.model_copy(update={"expected_accuracy": expected.get(row.arch)}) for row in rows]


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for path in SHIPPED.values():
        table = TabularBenchmark.read(path)
        ends: dict[str, list[float]] = {}
        for row in table.rows:
            ends.setdefault(row.arch, []).append(row.val_accuracy[-1])
        between = [variance(found) for found in ends.values() if len(found) > 1]
        expected = {arch: accuracy for arch, (_, accuracy) in table.outcomes().items()}
        left = [(found[0] - expected[arch]) ** 2 for arch, found in ends.items()]
        print(
            f"{table.name}: deviation of trainings of one network {math.sqrt(fmean(between)):.4f} "
            f"({len(between)} networks), of a training from what is expected {math.sqrt(fmean(left)):.4f} "
            f"({len(left)} networks)"
        )


if __name__ == "__main__":
    main()
