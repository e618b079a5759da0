"""How much of the CPU other processes use while something is measured."""

from __future__ import annotations

import os
import time
from pathlib import Path

BUSY_FIELDS = (0, 1, 2, 5, 6, 7)
"""Fields of a line ``cpu`` in Linux's /proc/stat: user, nice, system, irq, softirq, steal."""
LEAST_S = 0.2
"""Seconds below which the clock ticks of /proc/stat say too little."""


class LoadMeter:
    """Measures the CPU load of other processes, from its beginning on."""

    def __init__(self) -> None:
        self.cores = os.cpu_count() or 1
        self.load = _load_average(self.cores)
        self._began = time.perf_counter()
        self._busy_s, self._own_s = _busy_s(), time.process_time()

    def others(self) -> float | None:
        """Return the share of all cores that other processes used, 0 to 1; None where unknown.

        Waits until ``LEAST_S`` have passed.
        """
        if self._busy_s is None:
            return None
        time.sleep(max(0.0, LEAST_S - (time.perf_counter() - self._began)))
        busy_s, own_s = _busy_s(), time.process_time()
        if busy_s is None:
            return None
        used_s = busy_s - self._busy_s - (own_s - self._own_s)
        return min(1.0, max(0.0, used_s / (self.cores * (time.perf_counter() - self._began))))


def _load_average(cores: int) -> float | None:
    try:
        return os.getloadavg()[0] / cores
    except (OSError, AttributeError):
        return None


def _busy_s() -> float | None:
    """Return the seconds that all cores of the machine were busy since it started."""
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        return sum(int(fields[index]) for index in BUSY_FIELDS) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
