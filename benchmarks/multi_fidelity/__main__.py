"""Compare searches with a fidelity on functions with two objectives, and on tables of recorded trainings.

    python -m benchmarks.multi_fidelity run [--problems P ...] [--methods M ...] [--seeds 10] [--budget 100]
    python -m benchmarks.multi_fidelity table
    python -m benchmarks.multi_fidelity pictures --folder docs/images

Each run is a line of ``benchmarks/results/multi_fidelity.jsonl``; the same command goes on where it stopped. Costs are
in whole evaluations. Needs botorch, Syne Tune and NePS, each for its own part.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna

from benchmarks.multi_fidelity.methods import METHODS
from benchmarks.multi_fidelity.problem import PROBLEMS, MultiFidelityProblem, Progress
from benchmarks.multi_fidelity.table import print_tables
from benchmarks.optuna_studies.picture import draw
from benchmarks.optuna_studies.samplers import KNOWN
from benchmarks.rows import read_rows
from space.core.atomic_files import write_atomic

COLOURS = {
    f"frontier{KNOWN}": "#0b6bcb",
    f"frontier, early stopping{KNOWN}": "#1098ad",
    "frontier": "#58a6ff",
    "frontier, early stopping": "#748ffc",
    "syne tune mo-asha": "#2f9e44",
    "neps primo": "#d9480f",
    "neps moasha": "#e8a33d",
    "tpe multivariate": "#7a5195",
    "random, early stopping": "#c2255c",
    "random": "#7b8794",
}
RESULTS = Path(__file__).parents[1] / "results" / "multi_fidelity.jsonl"


def measure(problem: MultiFidelityProblem, method: str, seed: int, budget: int) -> dict[str, Any]:
    """Run a search; return its hypervolume along the cost, as a fraction of the best."""
    progress = Progress(problem, budget)
    began = time.perf_counter()
    METHODS[method](progress, seed)
    return {
        "hypervolume": progress.curve,
        "seconds": round(time.perf_counter() - began, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def run(arguments: argparse.Namespace) -> None:
    done = {(line["problem"], line["method"], line["seed"]) for line in read_rows(RESULTS)}
    for seed in range(arguments.seeds):
        for name in arguments.problems:
            for method in arguments.methods:
                if (name, method, seed) in done:
                    continue
                problem = PROBLEMS[name]()
                if method.endswith(KNOWN) and problem.cost is None:
                    continue
                found = measure(problem, method, seed, arguments.budget)
                with RESULTS.open("a", encoding="utf-8") as file:
                    line = {"problem": name, "method": method, "seed": seed, **found}
                    file.write(json.dumps(line) + "\n")
                print(
                    name,
                    method,
                    seed,
                    found["hypervolume"][-1:],
                    found["seconds"],
                    file=sys.stderr,
                )


def write_pictures(arguments: argparse.Namespace) -> None:
    runs = read_rows(RESULTS)
    for problem in dict.fromkeys(run["problem"] for run in runs):
        curves = {
            method: [
                run["hypervolume"] for run in runs if (run["problem"], run["method"]) == (problem, method)
            ]
            for method in COLOURS
        }
        longest = max(len(curve) for found in curves.values() for curve in found)
        costs = list(range(1, longest + 1))
        unit = "whole evaluations"
        path = arguments.folder / f"multi-fidelity-{problem.replace(' ', '-')}.svg"
        write_atomic(
            path, draw(problem, curves, costs, unit, f"Searches with a fidelity on {problem}", COLOURS)
        )
        print(path)


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run", help="run what is not recorded yet")
    runs.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
    runs.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    runs.add_argument("--seeds", type=int, default=10)
    runs.add_argument("--budget", type=int, default=100, help="cost of a run in whole evaluations")
    runs.set_defaults(command=run)
    table = commands.add_parser("table", help="print the tables of all recorded runs")
    table.set_defaults(command=lambda _: print_tables(read_rows(RESULTS)))
    pictures = commands.add_parser("pictures", help="write a picture of each problem")
    pictures.add_argument("--folder", type=Path, required=True)
    pictures.set_defaults(command=write_pictures)
    arguments = parser.parse_args(options)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    arguments.command(arguments)


if __name__ == "__main__":
    main()
