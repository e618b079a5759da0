"""The rate of counting networks from their specs: parameters, MACs and activation memory.

    python -m benchmarks.counting [--specs 2000] [--repeats 9] [--json]

The networks are random samples of spaces without limits. Each space has three rates, in networks per second.
``count`` counts an existing spec. ``read`` first makes the spec from plain data. ``sample`` samples a point
of the space, makes the canonical spec and its identity, and counts it, as a sampler does for a candidate. The
benchmark uses one process and one thread. The repeats alternate between the spaces.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.machine import describe_machine
from search.study.config import StudyConfig
from search.study.study_file import read_preset
from space.config import SpaceConfig
from space.networks.load import load_spec
from space.search_space import SearchSpace

EVERYTHING = {
    "family": ["mgnet", "resnet", "preact_resnet"],
    "levels": [2, 3, 4],
    "nu": {"low": 1, "high": 4},
    "c_u": {"low": 8, "high": 256, "step": 8},
    "c_f": {"low": 8, "high": 256, "step": 8},
    "share_a": ["network", "level", "iteration"],
    "share_b": ["network", "level", "iteration"],
    "smoother": ["conv", "linear", "quadratic", "two_step"],
    "kernel_b": [1, 3, 5],
    "groups_b": [1, 4, "depthwise"],
    "interpolation": ["conv", "depthwise", "pool", "zero"],
    "restriction": ["conv", "depthwise", "pool"],
    "block": ["basic", "bottleneck"],
    "stem": ["cifar", "imagenet"],
}


def spaces() -> dict[str, SearchSpace]:
    configs = {
        "mgnet": SpaceConfig.model_validate(
            {"levels": [2, 3, 4], "nu": {"low": 1, "high": 4}, "share_a": ["level", "iteration"]}
        ),
        "cifar10-small": StudyConfig.parse(read_preset("cifar10-small"), "cifar10-small").space,
        "everything": SpaceConfig.model_validate(EVERYTHING),
    }
    return {name: SearchSpace(config) for name, config in configs.items()}


def rate(count: int, work: Callable[[], None]) -> float:
    """Return the rate of ``work``, which processes ``count`` items, per second."""
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


def measure(space: SearchSpace, number: int, seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    specs = [space.spec(space.sample(rng)) for _ in range(number)]
    plain = [spec.to_dict() for spec in specs]

    def count() -> None:
        for spec in specs:
            spec.counts(32)

    def read() -> None:
        for data in plain:
            load_spec(data).counts(32)

    def sample() -> None:
        for _ in range(number):
            spec = space.spec(space.sample(rng))
            _ = spec.arch, spec.counts(32)

    return {name: rate(number, work) for name, work in (("count", count), ("read", read), ("sample", sample))}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--specs", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    asked = parser.parse_args(arguments)
    found: dict[str, dict[str, list[float]]] = {}
    for repeat in range(asked.repeats):
        for name, space in spaces().items():
            for figure, value in measure(space, asked.specs, repeat).items():
                found.setdefault(name, {}).setdefault(figure, []).append(value)
    summary: dict[str, Any] = {
        name: {
            figure: {"min": round(min(v)), "median": round(statistics.median(v)), "max": round(max(v))}
            for figure, v in figures.items()
        }
        for name, figures in found.items()
    }
    if asked.json:
        document = {"benchmark": "counting", "unit": "networks a second", "machine": describe_machine()}
        print(json.dumps(document | {"n": asked.repeats, "specs": asked.specs, "summary": summary}, indent=2))
        return
    for name, figures in summary.items():
        for figure, values in figures.items():
            spread = f"min {values['min']:<8,} median {values['median']:<8,} max {values['max']:<8,}"
            print(f"{name:<14} {figure:<7} {spread} a second")


if __name__ == "__main__":
    main()
