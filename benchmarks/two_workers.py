"""What a second worker brings on two cores, and what the driver costs.

    python -m benchmarks.two_workers [--trials 48] [--repeats 3] [--json]

The same random networks of digits are trained by one worker and by two, in turn. The driver's processor time counts
from the end of its start, when the first network begins, to its last decision.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from results.open import open_study

SEARCH = ("search", "digits", "--set", "search.sampler=random", "--set", "search.scheduler=fifo")
DRIVER = """
import json, sys, time
from pathlib import Path
from search.study import driver
run = driver.Driver.run
def timed(self):
    began, cpu = time.perf_counter(), time.process_time()
    try:
        return run(self)
    finally:
        spent = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
        Path(sys.argv.pop(1)).write_text(json.dumps(spent))
driver.Driver.run = timed
from search.cli.main import run as mgnas
sys.exit(mgnas(sys.argv[2:]))
"""


def measure(folder: Path, workers: int, trials: int) -> dict[str, float]:
    """Search once; return seconds, the driver's share of them, and the share in which workers trained."""
    times = folder.with_suffix(".json")
    search = [*SEARCH, "--trials", str(trials), "--workers", str(workers), "--dir", str(folder)]
    subprocess.run([sys.executable, "-P", "-c", DRIVER, str(times), *search], check=True, capture_output=True)
    spent = json.loads(times.read_text("utf-8"))
    trained_s = sum(record.train_s or 0.0 for record in open_study(folder).records)
    return {
        "seconds": spent["seconds"],
        "driver_share": spent["cpu_s"] / spent["seconds"],
        "training_share": trained_s / workers / spent["seconds"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args()
    runs: dict[int, list[dict[str, float]]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as place:
        for repeat in range(arguments.repeats):
            for workers, found in runs.items():
                found.append(measure(Path(place) / f"{workers}-{repeat}", workers, arguments.trials))
                print(workers, found[-1], file=sys.stderr)
    ratios = [one["seconds"] / two["seconds"] for one, two in zip(runs[1], runs[2], strict=True)]
    figures = {"ratio": spread(ratios)}
    for workers, found in runs.items():
        figures |= {f"{key}_{workers}": spread([run[key] for run in found]) for key in found[0]}
    document: dict[str, Any] = {"benchmark": "two_workers", "machine": describe_machine()}
    document |= {"trials": arguments.trials, "n": arguments.repeats, "figures": figures}
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for key, values in figures.items():
        print(f"{key:<18} {values['median']:>8} ({values['min']} to {values['max']})")


def spread(values: list[float]) -> dict[str, float]:
    """Return the median and the range."""
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }


if __name__ == "__main__":
    main()
