"""Work that is shared out over processes: a benchmark starts itself again, once for each part."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def run_parts(module: str, arguments: list[str], data: Path | None, processes: int) -> None:
    """Run ``python -m MODULE ARGUMENTS --data DATA --processes N --part I`` for each part I, all at once.

    Ends the program if any of them fails, after all have ended.
    """
    command = [sys.executable, "-m", module, *arguments, "--processes", str(processes)]
    if data is not None:
        command += ["--data", str(data)]
    children = [subprocess.Popen([*command, "--part", str(part)]) for part in range(processes)]
    codes = [child.wait() for child in children]
    if any(codes):
        sys.exit("a process failed; what was recorded is kept, and the same command goes on")
