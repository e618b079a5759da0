"""How much memory there is; without torch, for who only reads images."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

ASSUMED_BYTES = 4 * 2**30
"""Where the system does not say."""


def available_memory() -> int:
    """Return the bytes of memory that are free for this process, in its container (cgroup v2) if any."""
    free = []
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free.append(1024 * int(line.split()[1]))
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        free.append(max(0, limit - used + _file_cache(group / "memory.stat")))
    return min(free, default=ASSUMED_BYTES)


def _file_cache(statistics: Path) -> int:
    """Return the bytes of files that the system would let go of if memory were short."""
    for line in statistics.read_text().splitlines():
        if line.startswith("inactive_file "):
            return int(line.split()[1])
    return 0
