"""Runs the steps within a time limit; the next run continues what is not done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.gpu_day.steps import Step
from space.core.atomic_files import write_atomic

State = Literal["done", "failed", "stopped"]
STATE = "state.json"
LOGS = "logs"
GRACE_S = 20.0
"""Seconds that an interrupted command gets for its last checkpoint."""
LEAST_S = 20.0
"""The remaining time with which a further step is not worth its start."""


@dataclass(frozen=True)
class Ended:
    """How a step ended: ``done``, ``failed`` with an exit code, or ``stopped`` at its time limit."""

    state: State
    code: int | None
    seconds: float


def read_state(folder: Path) -> dict[str, str]:
    """Return the state of each step that was begun."""
    try:
        found: dict[str, str] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def run_queue(
    steps: Sequence[Step], folder: Path, limit_s: float, tell: Callable[[str], None] = print
) -> dict[str, str]:
    """Run the steps that are not done, in their order, until the time is over.

    Args:
        steps: The steps.
        folder: The folder of the queue; steps write their files there.
        limit_s: The time of this run in seconds.
        tell: Takes a line for each step.

    Returns:
        The state of each step that was begun, in this run or an earlier one.
    """
    (folder / LOGS).mkdir(parents=True, exist_ok=True)
    state, end_s = read_state(folder), time.monotonic() + limit_s
    for step in steps:
        remaining_s = end_s - time.monotonic()
        if state.get(step.name) == "done":
            continue
        if remaining_s < LEAST_S:
            tell(f"{step.name}: no time left")
            break
        ended = run_step(step, folder, min(step.most_s, remaining_s - GRACE_S / 2))
        is_done = ended.state == "done" or (ended.state == "failed" and not step.repeats)
        state[step.name] = "done" if is_done else ended.state
        code = "" if ended.code is None else f", exit code {ended.code}"
        tell(f"{step.name}: {ended.state} after {ended.seconds:.0f} s{code}")
        write_atomic(folder / STATE, json.dumps(state, indent=2) + "\n")
    return state


def run_step(step: Step, folder: Path, limit_s: float) -> Ended:
    """Run one step; interrupt it at the time limit, as Ctrl-C would."""
    began_s = time.monotonic()
    with (folder / LOGS / f"{step.name}.txt").open("ab") as log:
        log.write(f"$ {' '.join(step.command)}\n".encode())
        log.flush()
        process = subprocess.Popen(
            step.command,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=_environment(),
        )
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            return Ended("stopped", None, time.monotonic() - began_s)
    return Ended("failed" if code else "done", code, time.monotonic() - began_s)


def _environment() -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
