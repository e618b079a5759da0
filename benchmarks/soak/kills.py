"""Random kills of a running search: who is killed, by which signal, and when."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.soak.processes import Process, send

VICTIMS = {"worker": 0.7, "driver": 0.15, "both": 0.15}
"""The victims with their probabilities: a driver takes seconds to start, a worker too."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        after_s: Seconds since the last kill, or since the start of the driver.
        victims: ``worker``, ``driver`` or ``both``.
        signal: The signal to each of them.
    """

    after_s: float
    victims: str
    signal: signal.Signals


class Killer:
    """Draws kills. The draws of a run depend on the seed and the number of the run alone.

    Args:
        seed: The seed of the soak.
        run: The number of the run of the driver.
        every_s: The mean time between two kills.
    """

    def __init__(self, seed: int, run: int, every_s: float) -> None:
        self._rng = random.Random(f"{seed} {run}")
        self._every_s = every_s
        self._next = self._draw()
        self._since = time.monotonic()

    def _draw(self) -> Kill:
        (victims,) = self._rng.choices(list(VICTIMS), list(VICTIMS.values()))
        return Kill(self._rng.uniform(0, 2 * self._every_s), victims, self._rng.choice(SIGNALS))

    def strike(self, driver: int, processes: Callable[[], list[Process]]) -> Kill | None:
        """Kill if it is time; return the kill, or None. A kill of workers waits until there is one."""
        kill = self._next
        if time.monotonic() - self._since < kill.after_s:
            return None
        workers = sorted(one.pid for one in processes() if one.is_worker)
        if kill.victims == "worker" and not workers:
            return None
        if kill.victims != "driver" and workers:
            send(self._rng.choice(workers), kill.signal)
        if kill.victims != "worker":
            send(driver, kill.signal)
        self._next, self._since = self._draw(), time.monotonic()
        return kill
