"""NVIDIA's Multi-Process Service (MPS): it lets the kernels of several processes run on one GPU at the same time.

Without it, processes that share a GPU take turns. The service needs no root, and the command comes with the driver.
Source: NVIDIA, "Multi-Process Service", sections 3 (control daemon) and 5 (environment variables).
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from search.executors.slots import Slot

_logger = logging.getLogger(__name__)

CONTROL = "nvidia-cuda-mps-control"
PIPES = "CUDA_MPS_PIPE_DIRECTORY"
LOGS = "CUDA_MPS_LOG_DIRECTORY"
_DEFAULT_PIPES = Path("/tmp/nvidia-mps")
_LIMIT_S = 20.0


def shares_a_gpu(slots: Iterable[Slot]) -> bool:
    """Return whether several slots use the same GPU."""
    counts = Counter(slot.gpu for slot in slots if slot.gpu is not None)
    return any(count > 1 for count in counts.values())


@contextmanager
def multi_process_service(slots: Iterable[Slot]) -> Iterator[str]:
    """Run the service for the workers that start inside the block, if they share a GPU.

    A service that already runs is used and left running. A machine without the command, or one that refuses it,
    shares its GPUs by turns.

    Yields:
        How the GPUs are shared, for the user; empty if they are not.
    """
    if not shares_a_gpu(slots):
        yield ""
        return
    if PIPES in os.environ or _is_running(_DEFAULT_PIPES):
        yield "several trainings on each GPU at the same time, by the MPS that already runs"
        return
    if shutil.which(CONTROL) is None:
        yield f"several trainings on each GPU by turns: there is no {CONTROL}"
        return
    with tempfile.TemporaryDirectory(prefix="mgnas-mps-", ignore_cleanup_errors=True) as folder:
        # a daemon with CUDA_VISIBLE_DEVICES would number the GPUs anew for its clients
        unset = {key: value for key, value in os.environ.items() if key != "CUDA_VISIBLE_DEVICES"}
        places = {PIPES: folder, LOGS: folder}
        reason = _control(["-d"], unset | places)
        if reason is not None:
            yield f"several trainings on each GPU by turns: MPS does not start ({reason})"
            return
        os.environ.update(places)
        try:
            yield "several trainings on each GPU at the same time, by MPS"
        finally:
            for key in places:
                os.environ.pop(key, None)
            if (failed := _control([], unset | places, "quit\n")) is not None:
                _logger.warning("MPS does not end: %s", failed)


def _is_running(pipes: Path) -> bool:
    """Return whether the daemon of a folder lives; one that was killed leaves its folder."""
    try:
        os.kill(int((pipes / f"{CONTROL}.pid").read_text("utf-8")), 0)
    except PermissionError:  # it belongs to another user
        return True
    except (OSError, ValueError):
        return False
    return True


def _control(options: list[str], environment: dict[str, str], text: str = "") -> str | None:
    """Run the control command; return the reason of a failure."""
    try:
        run = subprocess.run(
            [CONTROL, *options],
            env=environment,
            input=text,
            text=True,
            stdout=subprocess.DEVNULL,  # the daemon keeps an inherited pipe open
            stderr=subprocess.DEVNULL,
            timeout=_LIMIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return f"exit code {run.returncode}" if run.returncode else None
