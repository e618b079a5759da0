"""The free memory of this machine or container, and processes killed for memory; without torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ASSUMED_BYTES = 4 * 2**30
"""Free memory where the system does not report it."""
GROUPS = Path("/sys/fs/cgroup")
"""Linux's folder of control groups: containers, services and batch systems limit memory with them."""


class _Files(NamedTuple):
    """Names of a control group's files and of the counters in them."""

    limit: str
    used: str
    cache: str
    kills: str


_VERSION_1 = _Files(
    "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory.oom_control"
)
_VERSION_2 = _Files("memory.max", "memory.current", "inactive_file", "memory.events")


def available_memory() -> int:
    """Return the bytes of free memory for this process, within its control groups."""
    free = []
    with suppress(OSError, ValueError):
        free.append(1024 * _figure(Path("/proc/meminfo"), "MemAvailable:"))
    for group, files in _groups():
        with suppress(OSError, ValueError):
            limit, used = (int((group / name).read_text()) for name in (files.limit, files.used))
            # the system frees the file cache when memory is short
            free.append(max(0, limit - used + _figure(group / "memory.stat", files.cache)))
    return min(free, default=ASSUMED_BYTES)


def kills_for_memory() -> int:
    """Return how many processes the out-of-memory killer has ended; 0 if unknown.

    The count is that of this process's control group, or of the whole machine.
    """
    for group, files in _groups():
        with suppress(OSError, ValueError):
            return _figure(group / files.kills, "oom_kill")
    with suppress(OSError, ValueError):
        return _figure(Path("/proc/vmstat"), "oom_kill")
    return 0


def _groups() -> Iterator[tuple[Path, _Files]]:
    """Yield the control groups that may limit this process's memory: its own, then its parents."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            root, files = (GROUPS / "memory", _VERSION_1) if controllers else (GROUPS, _VERSION_2)
            group = root / path.lstrip("/")
            while group != root:
                if group.is_dir():  # a container shows its own group as the root
                    yield group, files
                group = group.parent
            yield root, files


def _figure(file: Path, name: str) -> int:
    """Return the number after ``name`` in a file of such lines.

    Raises:
        ValueError: The file does not contain it.
    """
    for line in file.read_text().splitlines():
        words = line.split()
        if words and words[0] == name:
            return int(words[1])
    raise ValueError(f"{file} does not tell {name}")
