"""Waiting for a state in tests: for long, since machines are slow and busy, and with the reason if it fails."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

MOST_S = 240.0
"""Seconds that a test waits for what takes moments on an idle machine: for states, and for the ends of processes."""
PAUSE_S = 0.02


def wait_until(
    holds: Callable[[], Any],
    what: str,
    *,
    within: subprocess.Popen[Any] | None = None,
    most_s: float = MOST_S,
) -> Any:
    """Wait until ``holds`` returns something true, and return it.

    Args:
        holds: Called again and again.
        what: The state, for the message.
        within: A process that reaches the state while it runs.
        most_s: Seconds after which the wait fails.
    """
    deadline = time.monotonic() + most_s
    while not (found := holds()):
        assert within is None or within.poll() is None, f"the process ended before: {what}\n{_said(within)}"
        assert time.monotonic() < deadline, f"not within {most_s:.0f} s: {what}"
        time.sleep(PAUSE_S)
    return found


def _said(process: subprocess.Popen[Any] | None) -> str:
    """Return what an ended process said on stderr, if that is a pipe."""
    return "" if process is None or process.stderr is None else str(process.stderr.read())
