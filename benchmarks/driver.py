"""The driver alone: trials per minute where trainings take no time.

    python -m benchmarks.driver [--trials 1000] [--epochs 3] [--storage sqlite] [--executor instant]
        [--searches random:fifo frontier:freeze_thaw] [--repeats 3] [--json]

Every decision, every write to the ledger and to Optuna's mirror, and all progress happen as in a search. Only the
trainings are made up: by the executor in this process (instant), or by the actors of a Ray cluster of this machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from benchmarks.instant_training import InstantExecutor, on_ray
from benchmarks.machine import describe_machine
from benchmarks.soak.__main__ import database_of
from search.executors.base import Executor
from search.study.begin import open_store
from search.study.clock import Clock
from search.study.components import compose
from search.study.config import StudyConfig
from search.study.driver import Driver
from search.study.folder import StudyFolder
from search.study.progress import Silent
from trainers.data.load_splits import load_search_data


def measure(
    folder: Path, trials: int, epochs: int, search: str, storage: str, executor: str
) -> tuple[float, float]:
    """Return the trials per minute of one search, and its milliseconds of processor time for each trial."""
    sampler, _, scheduler = search.partition(":")
    tables: dict[str, Any] = {
        "name": folder.name,
        "space": {
            "levels": [2, 3],
            "nu": {"low": 1, "high": 4},
            "c_u": {"low": 4, "high": 64},
            "c_f": {"low": 4, "high": 64},
        },
        "train": {"epochs": epochs},
        "search": {"trials": trials, "sampler": sampler, "scheduler": scheduler, "keep_weights": "all"},
    }
    if storage != "sqlite":
        tables["search"]["storage"] = storage
    config = StudyConfig.parse(tables, "the benchmark")
    data = load_search_data(config.data)
    space = config.search_space(
        in_channels=data.in_channels, num_classes=data.num_classes, image_size=data.image_size
    )
    place = StudyFolder(folder)
    with ExitStack() as stack:
        lock = stack.enter_context(place.locked(config.search.storage, config.name))
        store = stack.enter_context(closing(open_store(config, place, data, space, lock)))
        if executor == "ray":
            trainings: Executor = stack.enter_context(on_ray(folder, config.data, data.fingerprint()))
        else:
            trainings = InstantExecutor()
        driver = Driver(compose(config, store, trainings), Silent(), Clock(0.0))
        began, cpu_began = time.perf_counter(), time.process_time()
        driver.run()
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        assert sum(record.has_ended for record in store.records.values()) == trials
    return 60 * trials / seconds, 1000 * cpu_s / trials


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--searches", nargs="+", default=["random:fifo", "frontier:freeze_thaw"])
    parser.add_argument(
        "--storage", default="sqlite", help="sqlite, postgresql (a server of its own) or a URL"
    )
    parser.add_argument("--executor", choices=("instant", "ray"), default="instant")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args(options)
    rates: dict[str, list[float]] = {search: [] for search in arguments.searches}
    cpu_ms: dict[str, list[float]] = {search: [] for search in arguments.searches}
    with tempfile.TemporaryDirectory() as place, database_of(arguments.storage) as storage:
        for repeat in range(arguments.repeats):
            for search in arguments.searches:
                folder = Path(place) / f"{search.replace(':', '-')}-{repeat}-{time.time_ns()}"
                rate, cpu = measure(
                    folder, arguments.trials, arguments.epochs, search, storage, arguments.executor
                )
                rates[search].append(rate)
                cpu_ms[search].append(cpu)
                print(f"{search}: {rate:.0f} trials/min, {cpu:.1f} ms of CPU for each", file=sys.stderr)
    summary = {
        search: {
            "median": round(statistics.median(found)),
            "min": round(min(found)),
            "max": round(max(found)),
            "cpu_ms": round(statistics.median(cpu_ms[search]), 1),
        }
        for search, found in rates.items()
    }
    document = {"benchmark": "driver", "machine": describe_machine(), "trials": arguments.trials}
    document |= {"epochs": arguments.epochs, "n": arguments.repeats, "trials_per_min": summary}
    document |= {"storage": arguments.storage.partition(":")[0], "executor": arguments.executor}
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for search, values in summary.items():
        print(
            f"{search:<24} {values['median']:>7,} trials/min ({values['min']:,} to {values['max']:,}), "
            f"{values['cpu_ms']} ms of CPU for each"
        )


if __name__ == "__main__":
    main()
