"""The demonstration, ``mgnas search`` without arguments: its time and its results.

    python -m benchmarks.demonstration [--seeds 5] [--json]

Runs the complete command once for each seed, one seed after the other.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine
from results.front import accuracy
from results.open import open_study

FIGURES = ("seconds", "architectures", "front", "fewest_params", "best_accuracy", "hypervolume")


def measure(seed: int, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-P", "-c", "from search.cli.main import main; main()", "search"]
    began = time.perf_counter()
    subprocess.run([*command, "--seed", str(seed), "--dir", str(folder)], check=True, capture_output=True)
    seconds = time.perf_counter() - began
    results = open_study(folder)
    front = results.front_records
    return {
        "seed": seed,
        "seconds": round(seconds, 1),
        "architectures": len({record.arch for record in results.records if record.state == "complete"}),
        "front": len(front),
        "fewest_params": front[0].params,
        "best_accuracy": round(accuracy(front[-1]), 4),
        "hypervolume": round(results.hypervolume, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    arguments = parser.parse_args()
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seeds):
            runs.append(measure(seed, Path(folder) / str(seed)))
            print(runs[-1], file=sys.stderr)
    summary = {
        key: {
            "min": min(run[key] for run in runs),
            "median": statistics.median(run[key] for run in runs),
            "max": max(run[key] for run in runs),
        }
        for key in FIGURES
    }
    document = {"benchmark": "demonstration", "machine": describe_machine(), "n": len(runs)}
    document |= {"summary": summary, "runs": runs}
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    for key, values in summary.items():
        print(f"{key:<16} min {values['min']:<10} median {values['median']:<10} max {values['max']}")


if __name__ == "__main__":
    main()
