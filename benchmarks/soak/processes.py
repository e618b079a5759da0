"""The processes of a soak on this machine: found by their environment or their open files, measured from /proc."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from search.executors.ray.reaper import has_variable, writes_in

MARK = "MGNAS_SOAK"
"""The environment variable; all processes that a command starts inherit it."""
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
ACTOR = "ray::SlotActor"


@dataclass(frozen=True)
class Process:
    """A living process.

    Attributes:
        pid: The number of the process.
        title: Its command line.
        is_worker: Whether it trains: a worker of the local executor, or an actor of Ray.
        resident_mib: Resident memory in MiB, with shared pages.
        open_files: The number of open files.
    """

    pid: int
    title: str
    is_worker: bool
    resident_mib: float
    open_files: int


def environment_in(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a command whose processes ``processes_in`` finds."""
    return os.environ | {MARK: str(home), "RAY_USAGE_STATS_ENABLED": "0"} | dict(variables)


def processes_in(home: Path) -> list[Process]:
    """Return the living processes of the soak in ``home``, without this one.

    They inherit ``MARK`` or write in the folder: titles of Ray's agents overwrite their environment.
    """
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            is_ours = has_variable(place, MARK, str(home)) or writes_in(place, str(home))
            if not is_ours or int(place.name) == os.getpid():
                continue
            state = (place / "stat").read_text().rpartition(")")[2].split()[0]
            if state not in "ZX":
                found.append(_measured(place))
    return found


def _measured(place: Path) -> Process:
    title = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    stderr = str((place / "fd" / "2").readlink())
    return Process(
        int(place.name),
        title,
        title.startswith(ACTOR) or re.search(r"/worker-\d+\.log$", stderr) is not None,
        int((place / "statm").read_text().split()[1]) * PAGE_MIB,
        sum(1 for _ in (place / "fd").iterdir()),
    )


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal, if the process still lives."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def orphans_in(home: Path, timeout_s: float = 15.0) -> list[Process]:
    """Return the processes that outlive their driver by ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while (found := processes_in(home)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found
