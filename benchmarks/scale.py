"""What a driver of a thousand workers spends on a trial: processor time against the number of trials.

    python -m benchmarks.scale [--workers 1000] [--trials 10000]
        [--searches random:fifo random:asha frontier:freeze_thaw] [--json]

The driver, sampler and scheduler of a study run with simulated workers on a simulated clock. The ledger is not part of
it; ``benchmarks.driver`` measures it. The time of a trial is the processor time between its start and that of the one
before, averaged over the trials around each mark.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.machine import describe_machine
from search.executors.messages import Job
from search.simulator.executor import SimulatedExecutor
from search.simulator.problem import Curve
from search.simulator.simulation import simulation_header
from search.study.clock import Clock
from search.study.components import compose
from search.study.config import StudyConfig
from search.study.driver import Driver
from search.study.progress import Silent
from search.study.trials import Trials
from space.config import SpaceConfig
from space.networks.spec import Spec
from space.search_space import SearchSpace

MARKS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
EPOCHS = 9


class LargeSpace:
    """A space of over a million networks; larger ones are more accurate and take longer."""

    name = "large"
    epochs = EPOCHS

    def __init__(self) -> None:
        tables = {
            "levels": [2, 3, 4],
            "nu": {"low": 1, "high": 4},
            "c_u": {"low": 4, "high": 64},
            "c_f": "c_u",
        }
        self.space = SearchSpace(
            SpaceConfig.model_validate(tables),
            in_channels=3,
            num_classes=10,
            image_size=(32, 32),
            batch_size=128,
        )

    def curve(self, spec: Spec, seed: int) -> Curve:
        best = 1 - 0.8 * spec.params**-0.12 + 0.001 * (seed % 7)
        accuracies = tuple(best * (1 - 0.5 / (epoch + 1)) for epoch in range(EPOCHS))
        return Curve(accuracies, (60 + spec.params / 1_000,) * EPOCHS)

    def outcomes(self) -> None:
        return None


class CountingExecutor(SimulatedExecutor):
    """A simulated executor that notes the processor time at each new trial."""

    def __init__(self, problem: LargeSpace, num_workers: int) -> None:
        super().__init__(problem, num_workers)
        self.times_s: list[float] = []

    def submit(self, job: Job) -> None:
        if job.trial == len(self.times_s):
            self.times_s.append(time.process_time())
        super().submit(job)


def measure(search: str, workers: int, trials: int) -> dict[str, float]:
    """Return milliseconds of processor time for each trial around each mark."""
    sampler, _, scheduler = search.partition(":")
    problem = LargeSpace()
    settings = {"sampler": sampler, "scheduler": scheduler, "trials": trials}
    config = StudyConfig.model_validate({"train": {"epochs": EPOCHS}, "search": settings})
    executor = CountingExecutor(problem, workers)
    store = Trials(simulation_header(config, problem.space), problem.space)
    Driver(compose(config, store, executor), Silent(), Clock(0.0, executor.now), gives_up=False).run()
    times = executor.times_s
    found = {}
    for mark in (mark for mark in MARKS if mark <= len(times)):
        first, last = mark * 9 // 10, min(len(times) - 1, mark * 11 // 10)
        found[str(mark)] = round(1000 * (times[last] - times[first]) / (last - first), 3)
    return found


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1_000)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument(
        "--searches", nargs="+", default=["random:fifo", "random:asha", "frontier:freeze_thaw"]
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args(options)
    found: dict[str, Any] = {}
    for search in arguments.searches:
        found[search] = measure(search, arguments.workers, arguments.trials)
        print(f"{search}: {found[search]}", file=sys.stderr)
    document = {"benchmark": "scale", "machine": describe_machine(), "workers": arguments.workers}
    document |= {"unit": "ms of processor time for each trial", "trials": found}
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for search, marks in found.items():
        print(f"{search:<24} " + "  ".join(f"{mark}: {value:.2f} ms" for mark, value in marks.items()))


if __name__ == "__main__":
    main()
