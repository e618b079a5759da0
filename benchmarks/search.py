"""A comparison of samplers and schedulers on recorded tables and computed problems, with many seeds each.

``python -m benchmarks.search`` prints the time of each method to 95 % of the best hypervolume. ``--json``
prints all results. ``--write`` stores them in ``benchmarks/results/search.json`` and draws the charts of the
docs. ``--problems FILE`` selects your own table, ``--first-seed`` other seeds. Every search runs in one
process with one thread; ``--processes`` sets the number of parallel searches.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.problems import Failing, deep, falling
from benchmarks.raw_optuna import SAMPLERS, RawOptuna
from results.plots.quantile_bands_svg import quantile_bands_svg
from results.tables import print_table
from search.cli.simulate import parse_method
from search.frontier.config import DEFAULTS
from search.frontier.engine import Engine
from search.frontier.observation import Observation
from search.samplers.network_points import NetworkPoints
from search.samplers.observations import identity
from search.simulator.comparison import Method, default_limit_s, outcome_of
from search.simulator.problem import Problem
from search.simulator.simulation import Simulation, simulate
from search.simulator.tabular_benchmark import SHIPPED, TabularBenchmark
from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.networks.counts import Counts
from space.search_space import SearchSpace
from trainers.device.allocator import keep_freed_memory

RESULTS = Path(__file__).parent / "results" / "search.json"
PICTURES = Path(__file__).parents[1] / "docs" / "images"
PROBLEMS: dict[str, Callable[[], Problem]] = {
    **{name: partial(TabularBenchmark.read, path) for name, path in SHIPPED.items()},
    "deep": deep,
    "falling": falling,
    "cifar16, 30 % failing": lambda: Failing(TabularBenchmark.read(SHIPPED["cifar16"]), 0.3),
}
OURS = ("frontier:freeze_thaw", "frontier:fifo")
OPTUNA = ("optuna default", "optuna nsga2", "optuna random")
WITH_ASHA = ("frontier:asha", "tpe:asha", "nsga2:asha", "random:asha")
SLOW = ("optuna tpe multivariate", "optuna gp")
EVERYONE = (*OURS, *OPTUNA, *WITH_ASHA, *SLOW)
RUNS: dict[tuple[str, int], tuple[str, ...]] = {
    ("cifar16", 1): EVERYONE,
    ("digits8", 1): EVERYONE,
    ("grey16", 1): EVERYONE,
    ("falling", 1): (*OURS, *OPTUNA),
    ("deep", 1): (*OURS, *OPTUNA),
    ("cifar16, 30 % failing", 1): (*OURS, *OPTUNA),
    ("cifar16", 8): (*OURS, *OPTUNA),
    ("digits8", 8): (*OURS, *OPTUNA),
    ("grey16", 8): (*OURS, *OPTUNA),
}
"""By problem and workers: who searches; on tables of one's own ``EVERYONE``, with any workers."""
LENGTHS = {"falling": 0.5, "deep": 0.5}
"""Parts of the usual time after which nothing happens any more."""
DECISIONS = (300, 1_000, 5_000)


def method(name: str) -> Method:
    """Return the method of a name: a name in ``SAMPLERS``, or a method of ``mgnas simulate``.

    Raises:
        InvalidInputError: The name is unknown.
    """
    if name in SAMPLERS:
        return Method(name, "fifo", partial(RawOptuna, name))
    try:
        return parse_method(name)
    except InvalidInputError as error:
        as_it_is = ", ".join(map(repr, SAMPLERS))
        raise InvalidInputError(f"{error}; Optuna as it is: {as_it_is}") from None


_problems: dict[str, Problem] = {}


def problem_of(name: str) -> Problem:
    """Return the problem of a name, or the table in a file. A process makes each problem once.

    Raises:
        InvalidInputError: The name is unknown.
    """
    if name not in _problems:
        _problems[name] = PROBLEMS[name]() if name in PROBLEMS else TabularBenchmark.read(name)
    return _problems[name]


def search(problem: str, name: str, num_workers: int, limit_s: float, seed: int) -> Simulation:
    """Return one simulated search."""
    chosen = method(name)
    return simulate(
        problem_of(problem),
        chosen.sampler,
        chosen.scheduler,
        num_workers=num_workers,
        seed=seed,
        hours=limit_s / 3600,
        ask_tell=chosen.ask_tell,
    )


def limit_of(problem: str, name: str, num_workers: int) -> float:
    """Return the length of a search in simulated seconds.

    On tables with one worker, fast samplers get twice the time. Their time to 95 % is then visible.
    """
    is_quick = name in OURS or name in OPTUNA
    is_long = is_quick and isinstance(problem_of(problem), TabularBenchmark) and num_workers == 1
    times = 2.0 if is_long else LENGTHS.get(problem, 1.0)
    return times * default_limit_s(problem_of(problem), num_workers)


def searched(
    problem: str, name: str, num_workers: int, seeds: range, pool: ProcessPoolExecutor, limit_s: float | None
) -> dict[str, Any]:
    """Return the outcome of a method on a problem, over all seeds, in ``limit_s`` simulated seconds."""
    if limit_s is None:
        limit_s = limit_of(problem, name, num_workers)
    began = time.perf_counter()
    simulations = list(pool.map(partial(search, problem, name, num_workers, limit_s), seeds))
    outcome = outcome_of(method(name), simulations, limit_s)
    reached = outcome.median_time_s(0.95)
    shown = "never" if reached is None else f"{reached:.0f} s"
    took = time.perf_counter() - began
    sys.stderr.write(f"{problem}, {num_workers} workers, {name}: 95 % after {shown} ({took:.0f} s)\n")
    return {"limit_s": limit_s, **outcome.as_dict(), "curve": outcome.curve}


def ratios(searches: dict[str, Any], share: str = "0.95") -> dict[str, dict[str, Any]]:
    """Return the ratio of our median time to a share to that of each other method.

    If the other method never reaches the share, the ratio is an upper bound (``at_most``). Ours is the first
    method of ``OURS`` that was run. Without one, or if it never reaches the share, the result is empty.
    """
    medians = {name: one["time_s_to_share"][share]["median"] for name, one in searches.items()}
    ours = next((medians[name] for name in OURS if name in medians), None)
    found = {}
    for name, one in searches.items():
        theirs = medians[name]
        if ours is not None:
            found[name] = {"at_most": theirs is None, "ratio": ours / (theirs or one["limit_s"])}
    return found


def decision_times() -> dict[str, dict[str, float]]:
    """Return the milliseconds of a decision in a large space, by the number of observed trials.

    A decision selects both a paused training to resume and a network to train. A tenth of the trials has
    failed or is running.
    """
    config = {
        "levels": [3, 4],
        "nu": {"low": 1, "high": 4},
        "c_u": {"first": {"low": 16, "high": 64, "step": 8}, "increment": {"low": 0, "high": 64, "step": 8}},
        "c_f": "c_u",
        "share_a": ["level", "iteration"],
        "share_b": ["level", "iteration"],
    }
    points = NetworkPoints(SearchSpace(SpaceConfig.model_validate(config)), identity, _params)
    rng = random.Random(0)
    found: dict[str, dict[str, float]] = {}
    observations: dict[object, Observation] = {}
    for number in DECISIONS:
        while len(observations) < number:
            point = points.draw(rng)
            assert point is not None
            error = 2.0 - 0.1 * len(str(point.costs)) + rng.gauss(0.0, 0.02)
            epochs = rng.choice([1, 3, 10, 30])
            errors = {epoch: error + 0.01 * (30 - epoch) for epoch in range(1, epochs + 1)}
            losses = {epoch: 3.0 * seen + rng.gauss(0.0, 0.01) for epoch, seen in errors.items()}
            state: Any = "complete" if epochs == 30 else "paused"
            if rng.random() < 0.1:
                state = rng.choice(["failed", "running"])
            observations[point.key] = Observation(point, state, errors, point.costs, 30, losses=losses)
        engine = Engine(0, rungs=(1, 3, 10, 30))
        known = list(observations.values())
        paused = [
            place for place, one in enumerate(known) if one.state == "paused" and place >= DEFAULTS.num_whole
        ]
        _ = engine.decide(points, known, number).best  # samples the candidates
        times = []
        for repeat in range(20):
            began = time.perf_counter()
            decision = engine.decide(points, known, number + repeat)
            decision.best_to_continue(paused)
            _ = decision.best
            times.append(1e3 * (time.perf_counter() - began))
        low, middle, high = quantiles(times, n=4)
        found[str(number)] = {"quarter": low, "median": middle, "three_quarters": high, "n": 20}
    return found


def many_workers(num_workers: int = 1_000, limit_s: float = 15.0) -> dict[str, float]:
    """Return the utilisation of simulated workers in a search, and the time of its decisions.

    Decisions take no simulated time. ``trials_per_s`` is the rate in wall time, as for real workers.
    """
    began = time.perf_counter()
    found = simulate(deep(), "frontier", "freeze_thaw", num_workers=num_workers, hours=limit_s / 3600)
    wall_s = time.perf_counter() - began
    return {
        "workers": num_workers,
        "trials": len(found.records),
        "busy_share": 1.0 - found.idle_share,
        "wall_s": wall_s,
        "trials_per_s": len(found.records) / wall_s,
    }


def _params(counts: Counts) -> tuple[float, ...]:
    return (float(counts.params),)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the parsed arguments. A wrong value ends the program with one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8])
    known = ", ".join(PROBLEMS).replace("%", "%%")
    parser.add_argument("--problems", nargs="+", help=f"{known}, or files with tables")
    parser.add_argument("--searches", nargs="+", help="instead of those that belong to each problem")
    limits = "that every search lasts; else 60 average trainings, and twice that for those that are quick"
    parser.add_argument("--seconds", type=float, help=f"simulated seconds {limits}")
    parser.add_argument("--no-decisions", action="store_true", help="do not time decisions")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help="add to what was found before")
    found = parser.parse_args(arguments)
    if found.seeds < 2:
        parser.error("--seeds must be at least 2")
    if min(found.workers) < 1 or found.processes < 1:
        parser.error("--workers and --processes must be at least 1")
    if found.seconds is not None and not 0 < found.seconds < math.inf:
        parser.error("--seconds must be a number above 0")
    if found.write and (found.seconds or found.first_seed or not set(found.problems or ()) <= set(PROBLEMS)):
        parser.error("--write keeps what is found on the problems here, from seed 0 on, in their usual time")
    try:
        for problem in found.problems or ():
            problem_of(problem)
        for name in found.searches or ():
            method(name)  # refuses an unknown name
    except InvalidInputError as error:
        parser.error(str(error))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    asked = parsed(arguments)
    known = RESULTS.exists() and asked.write
    document: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if known else {"runs": {}}
    machine = describe_machine()
    keep_freed_memory()  # like the command line
    if not asked.no_decisions:
        document["machine"] = machine  # only these depend on the machine; searches take simulated time
        document["decision_ms"] = decision_times()
        document["many_workers"] = many_workers()
    if asked.problems is None:
        runs = {run: names for run, names in RUNS.items() if run[1] in asked.workers}
    else:
        every = [(problem, number) for problem in asked.problems for number in asked.workers]
        known_problems = {problem for problem, _ in RUNS}
        runs = {run: RUNS.get(run, EVERYONE) for run in every if run in RUNS or run[0] not in known_problems}
    seeds = range(asked.first_seed, asked.first_seed + asked.seeds)
    with ProcessPoolExecutor(asked.processes) as pool:
        for (problem, num_workers), names in runs.items():
            title = f"{problem}, {num_workers} worker{'s' if num_workers > 1 else ''}"
            run = document["runs"].setdefault(title, {"seeds": asked.seeds, "searches": {}})
            if run["seeds"] != asked.seeds:
                sys.exit(f"{title}: {RESULTS} has {run['seeds']} seeds, which are not mixed with others")
            for name in asked.searches or names:
                found = searched(problem, name, num_workers, seeds, pool, asked.seconds)
                run["searches"][name] = found | {"packages": machine["packages"]}
                run["ours_over_theirs_to_95"] = ratios(run["searches"])
                if asked.write:
                    RESULTS.write_text(json.dumps(document) + "\n", encoding="utf-8")
    if asked.write:
        RESULTS.write_text(json.dumps(document) + "\n", encoding="utf-8")
        _draw(document["runs"])
    if asked.json:
        print(json.dumps(document))
    else:
        _print(document)


def _draw(runs: dict[str, Any]) -> None:
    for title, run in runs.items():
        bands = {
            name: [(time_s / 60, low, middle, high) for time_s, low, middle, high in one["curve"]]
            for name, one in run["searches"].items()
            if name in _DRAWN
        }
        subtitle = f"share of the best hypervolume: median and quartiles of {run['seeds']} seeds"
        problem, *rest = title.replace(" workers", "").replace(" worker", "").split(", ")
        if len(rest) == 1:  # the problem has no other result
            picture = PICTURES / f"search-{problem}-{rest[0]}.svg"
            picture.write_text(quantile_bands_svg(title, subtitle, bands, "minutes"), encoding="utf-8")


_DRAWN = (*OURS, "frontier:asha", "tpe:asha", "optuna default", "optuna gp", "optuna random")


def _print(document: dict[str, Any]) -> None:
    for title, run in document["runs"].items():
        rows = []
        for name, one in run["searches"].items():
            times = one["time_s_to_share"]
            shown = [times[share]["median"] for share in ("0.90", "0.95", "0.98", "0.99")]
            ratio = run.get("ours_over_theirs_to_95", {}).get(name)
            rows.append(
                (
                    name,
                    *(
                        f"over {one['limit_s']:.0f}" if time_s is None else f"{time_s:.0f}"
                        for time_s in shown
                    ),
                    f"{100 * one['share_at_end']['median']:.2f} % ({one['limit_s']:.0f} s)",
                    "" if ratio is None else f"{'< ' if ratio['at_most'] else ''}{ratio['ratio']:.2f}",
                )
            )
        print(f"\n{title}, {run['seeds']} seeds; simulated seconds to a share of the best hypervolume")
        header = ("search", "90 %", "95 %", "98 %", "99 %", "at end", "our time to 95 % over its")
        print_table(header, rows, sys.stdout, text_columns=(0,))
    for number, times in document.get("decision_ms", {}).items():
        print(f"a decision after {number} trials: {times['median']:.0f} ms")


if __name__ == "__main__":
    main()
