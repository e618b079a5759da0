"""Test functions: ZDT and DTLZ from ``pymoo``, bbob-biobj from ``coco-experiment``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna

from benchmarks.optuna_studies.problem import StudyProblem, Values
from results.hypervolume import hypervolume


def _numbers(count: int, low: float, high: float) -> Callable[[optuna.Trial], dict[str, Any]]:
    return lambda trial: {f"x{i}": trial.suggest_float(f"x{i}", low, high) for i in range(count)}


def _vector(params: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    return np.array([params[f"x{i}"] for i in range(len(params))])


def zdt(number: int, num_vars: int = 6) -> StudyProblem:
    """Return a problem of Zitzler, Deb & Thiele (2000). Its first function is ``x0``, so it is the known cost."""
    from pymoo.problems import get_problem

    problem = get_problem(f"zdt{number}", n_var=num_vars)
    reference = (6.0, 1.1)
    front = problem.pareto_front()[:, ::-1]

    def evaluate(params: Mapping[str, Any], _seed: int) -> Values:
        first, second = problem.evaluate(_vector(params)[None])[0]
        return float(second), float(first)

    def costs(params: Mapping[str, Any]) -> Values:
        return (float(params["x0"]),)

    return StudyProblem(
        f"zdt{number}",
        _numbers(num_vars, 0, 1),
        evaluate,
        reference,
        costs=costs,
        best=hypervolume(front, reference),
    )


def dtlz2(num_vars: int = 6) -> StudyProblem:
    """Return DTLZ2 (Deb et al. 2002) with three objectives, none of them known."""
    from pymoo.problems import get_problem

    problem = get_problem("dtlz2", n_var=num_vars, n_obj=3)

    def evaluate(params: Mapping[str, Any], _seed: int) -> Values:
        return tuple(float(value) for value in problem.evaluate(_vector(params)[None])[0])

    return StudyProblem("dtlz2", _numbers(num_vars, 0, 1), evaluate, (2.0, 2.0, 2.0))


def bbob_biobj(function: int, num_vars: int = 5) -> StudyProblem:
    """Return a problem of bbob-biobj (Tusar et al. 2016), its first instance, with neither objective known.

    The hypervolume has the nadir point as its reference.
    """
    import cocoex

    suite = cocoex.Suite(
        "bbob-biobj", "", f"function_indices: {function} dimensions: {num_vars} instance_indices: 1"
    )
    problem = suite[0]
    nadir = tuple(float(value) for value in problem.largest_fvalues_of_interest)

    def evaluate(params: Mapping[str, Any], _seed: int) -> Values:
        first, second = problem(_vector(params))
        return float(first), float(second)

    return StudyProblem(f"bbob-biobj f{function}", _numbers(num_vars, -5, 5), evaluate, nadir)
