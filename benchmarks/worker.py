"""A worker over many trainings: the start-up time of each, and the growth of its memory.

``python -m benchmarks.worker [--json]`` gives one real worker process short trainings of random networks on
digits, one after the other. It reads the memory of the process after each training.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from search.executors.local import LocalExecutor
from search.executors.messages import Failed, Fatal, Finished, Job, Setup
from search.executors.slots import Slot
from search.study.study_file import read_preset
from space.config import SpaceConfig
from space.search_space import SearchSpace
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig
from trainers.recipe import Recipe

RESULTS = Path(__file__).parent / "results" / "worker.json"
MIB = 2**20
WARM_AFTER = 10
LEAST = WARM_AFTER + 2
"""Trainings of which medians and quantiles can be told."""


def resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / MIB
    raise AssertionError("Linux says how much memory a process has")


def jobs(folder: Path, count: int) -> list[Job]:
    config = SpaceConfig.model_validate(read_preset("digits")["space"])
    space = SearchSpace(config, in_channels=1, num_classes=10, image_size=(8, 8))
    rng = random.Random(0)
    recipe = Recipe(epochs=1)
    specs = [space.spec(space.sample(rng)).canonical() for _ in range(count)]
    return [
        Job(i, spec.to_dict(), recipe, i, str(folder / "weights"), str(folder / "checkpoint"))
        for i, spec in enumerate(specs)
    ]


def run(count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        setup = Setup(DataConfig(), ExecutionConfig(), str(folder))
        executor = LocalExecutor([Slot("cpu", threads=1)], setup, folder / "logs")
        try:
            return measure(executor, jobs(folder, count))
        finally:
            executor.close()


def measure(executor: LocalExecutor, all_jobs: list[Job]) -> dict[str, Any]:
    first_steps, whole, memory = [], [], []
    for job in all_jobs:
        began = time.perf_counter()
        executor.submit(job)
        finished = None
        while finished is None:
            for event in executor.poll(0.05):
                assert not isinstance(event, (Failed, Fatal)), event
                finished = event if isinstance(event, Finished) else finished
        whole.append(time.perf_counter() - began)
        assert finished.costs is not None
        assert finished.costs.first_step_s is not None
        first_steps.append(finished.costs.first_step_s + (whole[-1] - finished.train_s))
        memory.append(resident_mib(executor.pids()[0]))
    warm = first_steps[WARM_AFTER:]
    quarter = len(memory) // 4
    return {
        "machine": describe_machine(),
        "trainings": len(all_jobs),
        "first_step_s": {
            "median": statistics.median(warm),
            "p95": statistics.quantiles(warm, n=20, method="inclusive")[-1],
            "most": max(warm),
        },
        "memory_mib": {
            "after_10": memory[WARM_AFTER - 1],
            "median_of_second_quarter": statistics.median(memory[quarter : 2 * quarter]),
            "median_of_last_quarter": statistics.median(memory[-quarter:]),
            "most": max(memory),
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", type=int, default=200)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name} among the results")
    arguments = parser.parse_args()
    if arguments.trainings < LEAST:
        parser.error(f"--trainings must be at least {LEAST}")
    result = run(arguments.trainings)
    text = json.dumps(result, indent=2)
    if arguments.write:
        RESULTS.write_text(text + "\n", encoding="utf-8")
    if arguments.json:
        print(text)
        return
    step, memory = result["first_step_s"], result["memory_mib"]
    print(f"first step after {step['median']:.3f} s (p95 {step['p95']:.3f}, most {step['most']:.3f})")
    print(
        f"memory {memory['after_10']:.0f} MiB after 10, {memory['median_of_second_quarter']:.0f} in "
        f"the second quarter, {memory['median_of_last_quarter']:.0f} in the last of {result['trainings']}"
    )


if __name__ == "__main__":
    main()
