"""The time of an export in all default formats: ``python -m benchmarks.exports STUDY [--rounds 5] [--json FILE]``.

Each round is a fresh ``mgnas export`` on one core, once with the cached bytecode of the installed packages, once
without any: an environment that forbids bytecode (PYTHONDONTWRITEBYTECODE) compiles every module at each start.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe_machine


def export_once(study: Path, variables: Mapping[str, str]) -> tuple[float, float]:
    """Return the wall time and the CPU time of one export in seconds; the CPU time includes its processes."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            sys.executable,
            "-m",
            "mgnas",
            "export",
            str(study),
            "--pick",
            "best",
            "-o",
            f"{scratch}/out",
        ]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=os.environ | variables)
        wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(study: Path, rounds: int) -> dict[str, Any]:
    """Return median, minimum and maximum of both times, with and without bytecode."""
    with tempfile.TemporaryDirectory() as empty:
        no_bytecode = {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
        kinds: dict[str, dict[str, str]] = {"bytecode": {}, "no bytecode": no_bytecode}
        times = {name: [export_once(study, kind) for _ in range(rounds)] for name, kind in kinds.items()}
    return {
        name: {
            title: {"min": min(column), "median": statistics.median(column), "max": max(column)}
            for title, column in zip(("wall_s", "cpu_s"), zip(*pairs, strict=True), strict=True)
        }
        for name, pairs in times.items()
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    asked = parser.parse_args(arguments)
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    summary = measure(asked.study, asked.rounds)
    for name, times in summary.items():
        for title, figures in times.items():
            print(name, title, *(f"{key} {value:.2f}" for key, value in figures.items()))
    if asked.json:
        document = {"benchmark": "exports", "machine": describe_machine(), "n": asked.rounds}
        text = json.dumps(document | {"load": os.getloadavg()[0], "summary": summary}, indent=2)
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
