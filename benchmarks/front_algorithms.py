"""Time of front algorithms: plain Python and numpy against the package moocore.

    python -m benchmarks.front_algorithms [--repeats 5] [--json]

The points are random points of a simplex-like front: all of them are nondominated, the worst case. The benchmark
measures the hypervolume for two to six objectives, the nondominated subset and the attainment surfaces of ten
fronts. ``MOST`` limits the sizes of slow algorithms. The
repeats alternate between the algorithms. The algorithms of a task must agree to 1e-9.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import moocore
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe_machine

Points = NDArray[np.float64]
Algorithm = Callable[[Points], object]
SIZES = {
    2: (10, 100, 1_000, 10_000, 100_000),
    3: (10, 100, 1_000, 10_000, 100_000),
    4: (10, 100, 1_000, 10_000),
    5: (10, 100, 1_000),
    6: (10, 100, 1_000),
}
MOST = {
    ("plain Python", 3): 1_000,
    ("plain Python", 4): 100,
    ("plain Python", 5): 100,
    ("plain Python", 6): 10,
    **{("numpy, all pairs", number): 1_000 for number in SIZES},
}
"""The largest size of a slow algorithm; others have all sizes."""
NUM_FRONTS = 10
"""Fronts of a measurement of attainment surfaces; they share the points."""


def front(num_points: int, num_objectives: int, seed: int) -> Points:
    """Return random nondominated points: the positive part of a sphere, seen from (1, ..., 1)."""
    sphere = np.abs(np.random.default_rng(seed).normal(size=(num_points, num_objectives)))
    return 1.0 - sphere / np.linalg.norm(sphere, axis=1, keepdims=True)


def sliced_hypervolume(points: Points) -> float:
    """Return the hypervolume up to (1, ..., 1) by slices along the last objective, in plain Python."""
    return _sliced([tuple(point) for point in points.tolist()], points.shape[1])


def _sliced(points: list[tuple[float, ...]], num_objectives: int) -> float:
    if num_objectives == 2:
        area, lowest = 0.0, 1.0
        for x, y in sorted(points):
            if y < lowest:
                area += (1.0 - x) * (lowest - y)
                lowest = y
        return area
    volume = 0.0
    points = sorted(points, key=lambda point: point[-1])
    for count, point in enumerate(points, start=1):
        top = points[count][-1] if count < len(points) else 1.0
        if top > point[-1]:
            volume += (top - point[-1]) * _sliced(
                [other[:-1] for other in points[:count]], num_objectives - 1
            )
    return volume


def moocore_hypervolume(points: Points) -> float:
    return float(moocore.hypervolume(points, ref=[1.0] * points.shape[1]))


def compared_nondominated(points: Points) -> NDArray[np.bool_]:
    """Compare each point with all others, in numpy."""
    kept = np.ones(len(points), dtype=bool)
    for place, point in enumerate(points):
        better = (points <= point).all(axis=1) & (points < point).any(axis=1)
        kept[place] = not better.any()
    return kept


def stepped_attainment(points: Points) -> Points:
    """Return the median attainment surface of two objectives from the steps of all fronts, in numpy."""
    xs = np.unique(points[:, 0])
    heights = np.empty((NUM_FRONTS, len(xs)))
    for place in range(NUM_FRONTS):
        mine = points[place::NUM_FRONTS]
        mine = mine[np.argsort(mine[:, 0], kind="stable")]
        lowest = np.concatenate([[np.inf], np.minimum.accumulate(mine[:, 1])])
        heights[place] = lowest[np.searchsorted(mine[:, 0], xs, side="right")]
    heights.partition(NUM_FRONTS // 2 - 1, axis=0)
    level = heights[NUM_FRONTS // 2 - 1]
    steps = level < np.concatenate([[np.inf], level[:-1]])
    return np.column_stack([xs[steps], level[steps]])


def moocore_attainment(points: Points) -> Points:
    sets = np.arange(len(points)) % NUM_FRONTS
    order = np.argsort(sets, kind="stable")
    surfaces = moocore.eaf(points[order], sets[order], percentiles=[50.0])
    return np.asarray(surfaces[:, :-1])


def algorithms(num_objectives: int) -> dict[str, dict[str, Algorithm]]:
    """Return the algorithms for a number of objectives, by task and name."""
    tasks: dict[str, dict[str, Algorithm]] = {
        "hypervolume": {"plain Python": sliced_hypervolume, "moocore": moocore_hypervolume},
        "nondominated": {"numpy, all pairs": compared_nondominated, "moocore": moocore.is_nondominated},
        "nondominated sorting": {"moocore": moocore.pareto_rank},
    }
    if num_objectives <= 3:
        tasks["attainment"] = {"moocore": moocore_attainment}
    if num_objectives == 2:
        tasks["attainment"]["numpy, steps"] = stepped_attainment
    return tasks


def agree(task: str, results: Sequence[Any]) -> bool:
    """Return whether the algorithms of a task agree."""
    first, *others = (np.asarray(result) for result in results)
    if task == "attainment":
        first, *others = (result[np.lexsort(result.T)] for result in (first, *others))
    return all(first.shape == other.shape and np.allclose(first, other, atol=1e-9) for other in others)


def measure(num_objectives: int, repeats: int, most: int) -> list[dict[str, Any]]:
    """Return one entry for each task, number of points and algorithm."""
    rows = []
    for task, named in algorithms(num_objectives).items():
        for size in (size for size in SIZES[num_objectives] if size <= most):
            chosen = {
                name: one for name, one in named.items() if size <= MOST.get((name, num_objectives), size)
            }
            times: dict[str, list[float]] = {name: [] for name in chosen}
            for seed in range(repeats):
                points, results = front(size, num_objectives, seed), list[object]()
                for name, algorithm in chosen.items():
                    times[name].append(timed(partial(algorithm, points), results))
                if not agree(task, results):
                    raise AssertionError(f"{task} of {size} points differs between {', '.join(chosen)}")
            rows += [row(task, name, num_objectives, size, found) for name, found in times.items()]
    return rows


def timed(work: Callable[[], object], results: list[object]) -> float:
    """Return the seconds of one call, the fastest of several short ones; append its result."""
    fastest, spent = float("inf"), 0.0
    while spent < 0.002:
        began = time.perf_counter()
        result = work()
        fastest = min(fastest, time.perf_counter() - began)
        spent += time.perf_counter() - began
    results.append(result)
    return fastest


def row(task: str, name: str, num_objectives: int, size: int, seconds: Sequence[float]) -> dict[str, Any]:
    return {
        "task": task,
        "algorithm": name,
        "objectives": num_objectives,
        "points": size,
        "n": len(seconds),
        "median_s": float(f"{statistics.median(seconds):.3g}"),
        "min_s": float(f"{min(seconds):.3g}"),
        "max_s": float(f"{max(seconds):.3g}"),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objectives", type=int, nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--most", type=int, default=100_000, help="largest number of points")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    asked = parser.parse_args(arguments)
    rows = [found for num in asked.objectives for found in measure(num, asked.repeats, asked.most)]
    if asked.json:
        machine = describe_machine() | {"moocore": moocore.__version__}
        document = {"benchmark": "front_algorithms", "unit": "seconds", "machine": machine, "rows": rows}
        print(json.dumps(document, indent=1))
        return
    for one in rows:
        print(
            f"{one['task']:<21} {one['objectives']} objectives {one['points']:>7,} points  {one['algorithm']:<17} "
            f"{one['median_s']:.3g} s  ({one['min_s']:.3g} to {one['max_s']:.3g}, n = {one['n']})"
        )


if __name__ == "__main__":
    main()
