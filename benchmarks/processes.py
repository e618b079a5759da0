"""Parallel benchmarks: a benchmark starts itself again, one process for each part."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run_parts(module: str, arguments: list[str], data: Path | None, processes: int) -> None:
    """Run ``python -m MODULE ARGUMENTS --data DATA --processes N --part I`` for each part I, in parallel.

    If a process fails, the program exits after all processes have finished.
    """
    command = [sys.executable, "-m", module, *arguments, "--processes", str(processes)]
    if data is not None:
        command += ["--data", str(data)]
    children = [subprocess.Popen([*command, "--part", str(part)]) for part in range(processes)]
    codes = [child.wait() for child in children]
    if any(codes):
        sys.exit("a process failed; what was recorded is kept, and the same command goes on")
