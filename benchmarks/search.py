"""Samplers and schedulers side by side, on the recorded table and on computed problems, many seeds each.

``python -m benchmarks.search`` prints how long each takes to 95 % of the best hypervolume; ``--json``
prints all figures, ``--write`` keeps them in ``benchmarks/results/search.json`` and draws the pictures of
the docs. Every search runs in one process with one thread; ``--processes`` of them at a time.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.machine import describe_machine
from benchmarks.problems import Failing, deep, falling
from benchmarks.raw_optuna import SAMPLERS, RawOptuna
from results.bands_svg import bands_svg
from results.tables import print_table
from search.frontier.engine import Engine, Tried
from search.frontier.network_points import NetworkPoints
from search.proposer import identity
from search.replay.comparison import Contender, Outcome, default_limit_s, outcome_of
from search.replay.problem import Problem
from search.replay.simulation import Replay, replay
from search.replay.table import CIFAR16, DIGITS8, Table
from space.counts import Counts
from space.search_space import SearchSpace
from space.space_config import SpaceConfig

RESULTS = Path(__file__).parent / "results" / "search.json"
PICTURES = Path(__file__).parents[1] / "docs"
PROBLEMS: dict[str, Callable[[], Problem]] = {
    "cifar16": lambda: Table.read(CIFAR16),
    "digits8": lambda: Table.read(DIGITS8),
    "deep": deep,
    "falling": falling,
    "cifar16, 30 % failing": lambda: Failing(Table.read(CIFAR16), 0.3),
}
OURS = ("frontier:freeze_thaw", "frontier:halving", "frontier:full")
OPTUNA_WITH_HALVING = ("tpe:halving", "nsga2:halving", "gp:halving", "random:halving")
DECISIONS = (300, 1_000, 5_000)


def contender(name: str) -> Contender:
    if name in SAMPLERS:
        return Contender(name, "full", partial(RawOptuna, name))
    sampler, _, scheduler = name.partition(":")
    return Contender(sampler, scheduler or "full")


_problems: dict[str, Problem] = {}


def search(problem: str, name: str, num_workers: int, limit_s: float, seed: int) -> Replay:
    """Return one search; problems are made once in each process."""
    if problem not in _problems:
        _problems[problem] = PROBLEMS[problem]()
    chosen = contender(name)
    return replay(
        _problems[problem],
        chosen.sampler,
        chosen.scheduler,
        num_workers=num_workers,
        seed=seed,
        hours=limit_s / 3600,
        proposer=chosen.proposer,
    )


def compare_on(
    problem: str, names: list[str], num_workers: int, num_seeds: int, pool: ProcessPoolExecutor
) -> tuple[float, list[Outcome]]:
    limit_s = default_limit_s(PROBLEMS[problem]()) / num_workers
    outcomes = []
    for name in names:
        began = time.perf_counter()
        one = partial(search, problem, name, num_workers, limit_s)
        replays = list(pool.map(one, range(num_seeds)))
        outcomes.append(outcome_of(contender(name), replays, limit_s))
        reached = outcomes[-1].median_time_s(0.95)
        shown = "never" if reached is None else f"{reached:.0f} s"
        took = time.perf_counter() - began
        sys.stderr.write(f"{problem}, {num_workers} workers, {name}: 95 % after {shown} ({took:.0f} s)\n")
    return limit_s, outcomes


def ratios(outcomes: list[Outcome], share: float = 0.95) -> dict[str, float | None]:
    """Return our median time to a share over that of the others; None where either is never."""
    times = {one.contender.name: one.median_time_s(share) for one in outcomes}
    ours = times.get("frontier + freeze_thaw")
    return {name: None if not ours or not time_s else ours / time_s for name, time_s in times.items()}


def decision_times() -> dict[str, dict[str, float]]:
    """Return milliseconds of a decision in a large space, by the number of trials it learns from."""
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
    tried: dict[object, Tried] = {}
    for number in DECISIONS:
        while len(tried) < number:
            point = points.draw(rng)
            assert point is not None
            error = 2.0 - 0.1 * len(str(point.costs)) + rng.gauss(0.0, 0.02)
            epochs = rng.choice([1, 3, 10, 30])
            errors = {epoch: error + 0.01 * (30 - epoch) for epoch in range(1, epochs + 1)}
            tried[point.key] = Tried(point, "complete" if epochs == 30 else "paused", errors, point.costs)
        engine = Engine(0, rungs=(1, 3, 10, 30))
        _ = engine.decide(points, list(tried.values()), number).best  # draws the candidates
        times = []
        for repeat in range(20):
            began = time.perf_counter()
            _ = engine.decide(points, list(tried.values()), number + repeat).best
            times.append(1e3 * (time.perf_counter() - began))
        low, middle, high = quantiles(times, n=4)
        found[str(number)] = {"quarter": low, "median": middle, "three_quarters": high, "n": 20}
    return found


def _params(counts: Counts) -> tuple[float, ...]:
    return (float(counts.params),)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    parser.add_argument("--searches", nargs="+", default=[*OURS, *SAMPLERS, *OPTUNA_WITH_HALVING])
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    document: dict[str, Any] = {"machine": describe_machine(), "decision_ms": decision_times(), "runs": []}
    with ProcessPoolExecutor(arguments.processes) as pool:
        for problem in arguments.problems:
            for num_workers in arguments.workers:
                limit_s, outcomes = compare_on(
                    problem, arguments.searches, num_workers, arguments.seeds, pool
                )
                document["runs"].append(
                    {
                        "problem": problem,
                        "workers": num_workers,
                        "seeds": arguments.seeds,
                        "limit_s": limit_s,
                        "ours_over_theirs_to_95": ratios(outcomes),
                        "searches": [one.as_dict() for one in outcomes],
                    }
                )
                if arguments.write:
                    RESULTS.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
                    _draw(problem, num_workers, outcomes, arguments.seeds)
    if arguments.json:
        print(json.dumps(document))
    else:
        _print(document)


def _draw(problem: str, num_workers: int, outcomes: list[Outcome], num_seeds: int) -> None:
    shown = [one for one in outcomes if one.contender.name in _DRAWN]
    bands = {
        one.contender.name: [(time_s / 60, low, middle, high) for time_s, low, middle, high in one.curve]
        for one in shown
    }
    title = f"{problem}, {num_workers} worker{'s' if num_workers > 1 else ''}"
    subtitle = f"share of the best hypervolume: median and quartiles of {num_seeds} seeds"
    name = f"search-{problem.partition(',')[0]}-{num_workers}.svg"
    if "," not in problem:
        (PICTURES / name).write_text(bands_svg(title, subtitle, bands, "minutes"), encoding="utf-8")


_DRAWN = (
    "frontier + freeze_thaw",
    "frontier + halving",
    "frontier + full",
    "tpe + halving",
    "optuna default + full",
    "optuna gp + full",
    "optuna random + full",
)


def _print(document: dict[str, Any]) -> None:
    for run in document["runs"]:
        rows = []
        for one in run["searches"]:
            times = one["time_s_to_share"]
            shown = [times[share]["median"] for share in ("0.90", "0.95", "0.98", "0.99")]
            rows.append(
                (
                    f"{one['sampler']} + {one['scheduler']}",
                    *("never" if time_s is None else f"{time_s:.0f}" for time_s in shown),
                    f"{100 * one['share_at_end']['median']:.2f} %",
                )
            )
        print(f"\n{run['problem']}, {run['workers']} workers, {run['seeds']} seeds; seconds to a share")
        print_table(("search", "90 %", "95 %", "98 %", "99 %", "at end"), rows, sys.stdout, text_columns=(0,))
    for number, times in document["decision_ms"].items():
        print(f"a decision after {number} trials: {times['median']:.0f} ms")


if __name__ == "__main__":
    main()
