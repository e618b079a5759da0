"""How much memory there is; without torch, for who only reads images."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

ASSUMED_BYTES = 4 * 2**30
"""Where the system does not say."""


def available_memory() -> int:
    """Return the bytes of memory that are free for this process, the limit of its container included."""
    free = []
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                free.append(1024 * int(line.split()[1]))
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        free.append(max(0, limit - used))
    return min(free, default=ASSUMED_BYTES)
