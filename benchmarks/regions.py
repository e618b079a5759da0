"""Samplers in plain Optuna studies with regions of failures, pruning, violated constraints or chance level.

``python -m benchmarks.regions [--seeds 8] [--write]`` prints two results for each problem and sampler: the
fraction of the box that the usable trials dominate, as quartiles over seeds, and the number of usable trials.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import TrialState

from benchmarks.machine import describe_machine
from results.hypervolume import hypervolume
from search.frontier.optuna.sampler import FrontierSampler

RESULTS = Path(__file__).parent / "results" / "regions.json"
TRIALS = 60
REFERENCE = (1.2, 1.2)
Values = tuple[float, float]


def _xyz(trial: optuna.Trial) -> tuple[float, float, float]:
    x, y, z = (trial.suggest_float(name, 0, 1) for name in "xyz")
    return x, y, z


def disc(trial: optuna.Trial) -> Values:
    """A constraint with its value; an eighth of the space is feasible."""
    x, y, z = _xyz(trial)
    trial.set_constraint("disc", (x - 0.3) ** 2 + (z - 0.6) ** 2 - 0.04)
    return (1 - x) * (1 - y), y * 0.5 + abs(z - 0.5)


def half(trial: optuna.Trial) -> Values:
    """A constraint with a feasible half space."""
    x, y, z = _xyz(trial)
    trial.set_constraint("half", x + 0.2 * z - 0.4)
    return 1 - x * (0.5 + 0.5 * y), y * 0.7 + 0.3 * z


def failing(trial: optuna.Trial) -> Values:
    """The best region fails."""
    x, y, _ = _xyz(trial)
    if x < 0.3:
        raise RuntimeError("fails")
    return x + 0.3 * (y - 0.5) ** 2, 1 - y * x


def corner(trial: optuna.Trial) -> Values:
    """A corner of two parameters fails."""
    x, y, z = _xyz(trial)
    if x * y > 0.25:
        raise RuntimeError("fails")
    return 1 - x * (0.6 + 0.4 * z), 1 - y


def pruned(trial: optuna.Trial) -> Values:
    """Like ``failing``, but pruned without a report."""
    try:
        return failing(trial)
    except RuntimeError:
        raise optuna.TrialPruned from None


def chance_level(trial: optuna.Trial) -> Values:
    """In nine tenths of the space, the error stays at chance level, 0.9."""
    centred = [abs(trial.suggest_float(f"x{i}", 0, 1) - 0.6) for i in range(5)]
    width = trial.suggest_int("width", 4, 256, log=True)
    learned = max(0.0, 1 - statistics.fmean(centred) / 0.2) * (1 - 1 / (1 + width / 30))
    return 0.9 - 0.8 * learned, math.log(width / 4) / math.log(64)


PROBLEMS: dict[str, Callable[[optuna.Trial], Values]] = {
    problem.__name__: problem for problem in (disc, half, failing, corner, pruned, chance_level)
}
SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {
    "frontier": lambda seed: FrontierSampler(seed=seed),
    "optuna default": lambda seed: optuna.samplers.TPESampler(seed=seed),
    "optuna nsga2": lambda seed: optuna.samplers.NSGAIISampler(seed=seed, population_size=20),
    "random": lambda seed: optuna.samplers.RandomSampler(seed=seed),
}


def run(problem: str, sampler: str, seed: int) -> tuple[float, int]:
    """Return the fraction of the box that a study's usable trials dominate, and their number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        study = optuna.create_study(directions=["minimize"] * 2, sampler=SAMPLERS[sampler](seed))
        study.optimize(PROBLEMS[problem], n_trials=TRIALS, catch=(RuntimeError,))
    usable = [
        trial.values
        for trial in study.get_trials(states=[TrialState.COMPLETE])
        if all(value <= 0 for value in trial.constraints.values())
    ]
    inside = [values for values in usable if all(v < r for v, r in zip(values, REFERENCE, strict=True))]
    return hypervolume(inside, REFERENCE) / (REFERENCE[0] * REFERENCE[1]), len(usable)


def compare(problem: str, sampler: str, num_seeds: int) -> dict[str, Any]:
    """Return quartiles over seeds."""
    found = [run(problem, sampler, seed) for seed in range(num_seeds)]
    low, middle, high = statistics.quantiles([share for share, _ in found], n=4, method="inclusive")
    usable = statistics.median(count for _, count in found)
    return {
        "problem": problem,
        "sampler": sampler,
        "n": num_seeds,
        "trials": TRIALS,
        "dominated": {"quartile_1": low, "median": middle, "quartile_3": high},
        "usable": usable,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else there")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name} among the results")
    arguments = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)  # otherwise it logs every failed trial
    if arguments.seeds < 2:
        parser.error("--seeds must be at least 2")
    rows = []
    for problem in PROBLEMS:
        for sampler in SAMPLERS:
            row = compare(problem, sampler, arguments.seeds)
            rows.append(row)
            if not arguments.json:
                share = row["dominated"]
                print(
                    f"{problem:12} {sampler:15} {share['median']:.3f} ({share['quartile_1']:.3f} to "
                    f"{share['quartile_3']:.3f}), usable {row['usable']:g} of {TRIALS}",
                    flush=True,
                )
    text = json.dumps({"machine": describe_machine(), "rows": rows}, indent=1)
    if arguments.write:
        RESULTS.write_text(text + "\n", encoding="utf-8")
    if arguments.json:
        print(text)


if __name__ == "__main__":
    main()
