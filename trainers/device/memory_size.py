"""How much memory there is, and whether it has run out; without torch, for who only reads images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

ASSUMED_BYTES = 4 * 2**30
"""Where the system does not say."""
GROUPS = Path("/sys/fs/cgroup")
"""Where Linux shows control groups: those of containers, services and batch systems, which limit memory."""


class _Files(NamedTuple):
    """Names of a control group's files, and of what counts in them."""

    limit: str
    used: str
    cache: str
    kills: str


_VERSION_1 = _Files(
    "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory.oom_control"
)
_VERSION_2 = _Files("memory.max", "memory.current", "inactive_file", "memory.events")


def available_memory() -> int:
    """Return the bytes of memory that are free for this process, within the control groups that it is in."""
    free = []
    with suppress(OSError, ValueError):
        free.append(1024 * _figure(Path("/proc/meminfo"), "MemAvailable:"))
    for group, files in _groups():
        with suppress(OSError, ValueError):
            limit, used = (int((group / name).read_text()) for name in (files.limit, files.used))
            # files that were read lately would be let go of if memory were short
            free.append(max(0, limit - used + _figure(group / "memory.stat", files.cache)))
    return min(free, default=ASSUMED_BYTES)


def kills_for_memory() -> int:
    """Return how many processes the system has killed here for want of memory; 0 where it does not say.

    Here is this process's control group or, without one that tells, the whole machine.
    """
    for group, files in _groups():
        with suppress(OSError, ValueError):
            return _figure(group / files.kills, "oom_kill")
    with suppress(OSError, ValueError):
        return _figure(Path("/proc/vmstat"), "oom_kill")
    return 0


def _groups() -> Iterator[tuple[Path, _Files]]:
    """Yield this process's control groups that may limit its memory: its own, then those around it."""
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
    """Return the number behind a name in a file of such lines; raises ValueError if there is none."""
    for line in file.read_text().splitlines():
        words = line.split()
        if words and words[0] == name:
            return int(words[1])
    raise ValueError(f"{file} does not tell {name}")
