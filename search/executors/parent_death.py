"""The end of a worker with its driver: no signal and no hang of the worker can prevent it."""

from __future__ import annotations

import ctypes
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Let the kernel kill this process when its parent dies. Only Linux can; elsewhere nothing happens.

    A worker also ends when its input closes. That does not end a worker that is stopped or hangs.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
