"""Measures networks on the user's devices in the background: one thread for each device, one process that exports."""

from __future__ import annotations

import queue
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from search.devices.command import DeviceError, Measurement, measure
from search.devices.config import DeviceConfig
from search.devices.measurements import Key, MeasurementFile
from search.devices.models import write_model
from search.executors.parent_death import end_with_parent
from space.core.errors import MgnasError

ATTEMPTS = 2
PAUSE_S = 1.0
MOST_FAILURES = 3
"""Networks in a row that a device did not measure; then it counts as away."""
AWAY_S = 60.0
"""A device that is away is asked again after this time; meanwhile networks have no latency."""
END_S = 5.0
"""Seconds for the threads to end their commands."""


@dataclass(frozen=True)
class Answer:
    """What became of a network on a device: a measurement, or the reason why there is none.

    Attributes:
        arch: The network.
        device: The device.
        measurement: The measurement.
        problem: The reason.
        side: The side of the images in pixels; None for the size of the study.
    """

    arch: str
    device: DeviceConfig
    measurement: Measurement | None
    problem: str = ""
    side: int | None = None


@dataclass(frozen=True)
class Asked:
    """A network to measure; ``Answer`` describes the fields."""

    arch: str
    spec: dict[str, Any]
    side: int | None = None


class DeviceBench:
    """The devices of a study.

    Args:
        devices: The devices.
        image_size: Height and width in pixels of the images of the study.
        measurements: The measurements of the study.
    """

    def __init__(
        self, devices: Sequence[DeviceConfig], image_size: tuple[int, int], measurements: MeasurementFile
    ) -> None:
        self.answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._image_size = image_size
        self._measurements = measurements
        self._lock = threading.Lock()
        self._exporter = ProcessPoolExecutor(1, get_context("spawn"), initializer=_begin)
        self._queues: list[queue.SimpleQueue[Asked | None]] = []
        self._ends = threading.Event()
        self._threads: list[threading.Thread] = []
        for device in devices:
            self._queues.append(queue.SimpleQueue())
            work = threading.Thread(target=self._work, args=(device, self._queues[-1]), daemon=True)
            self._threads.append(work)
            work.start()

    def ask(self, arch: str, spec: dict[str, Any], side: int | None = None) -> None:
        """Have a network measured on all devices; an answer follows for each of them."""
        for waiting in self._queues:
            waiting.put(Asked(arch, spec, side))

    def close(self) -> None:
        """Drop what waits, and kill the commands that run."""
        self._ends.set()
        for waiting in self._queues:
            waiting.put(None)
        self._exporter.shutdown(wait=False, cancel_futures=True)
        for work in self._threads:
            work.join(END_S)

    def _work(self, device: DeviceConfig, waiting: queue.SimpleQueue[Asked | None]) -> None:
        failures, away_until_s = 0, 0.0
        while (asked := waiting.get()) is not None and not self._ends.is_set():
            size = self._image_size if asked.side is None else (asked.side, asked.side)
            key = Key.of(asked.arch, size, device)
            found = self._measurements.get(key)
            if found is None and time.monotonic() < away_until_s:
                self.answers.put(Answer(key.arch, device, None, "is away", asked.side))
                continue
            try:
                found = found or self._measure(device, key, asked.spec, size, 1 if failures else ATTEMPTS)
            except (MgnasError, OSError, BrokenProcessPool) as error:
                failures += 1
                away_until_s = time.monotonic() + AWAY_S if failures >= MOST_FAILURES else 0.0
                self.answers.put(Answer(key.arch, device, None, _one_line(error), asked.side))
            else:
                failures = 0
                self.answers.put(Answer(key.arch, device, found, side=asked.side))

    def _measure(
        self, device: DeviceConfig, key: Key, spec: dict[str, Any], size: tuple[int, int], attempts: int
    ) -> Measurement:
        with tempfile.TemporaryDirectory(prefix="mgnas-device-") as folder:
            exported = self._exporter.submit(write_model, spec, size, device.format, Path(folder))
            model = exported.result()
            for attempt in range(attempts):
                try:
                    found = measure(device, model, self._ends)
                    break
                except DeviceError:
                    if attempt + 1 == attempts or self._ends.wait(PAUSE_S):
                        raise
        with self._lock:
            self._measurements.add(key, found)
        return found


def _begin() -> None:
    """Prepare the process that exports."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver ends it
    end_with_parent()


def _one_line(error: BaseException) -> str:
    if isinstance(error, BrokenProcessPool):
        return "the process that exports networks died"
    return (str(error).splitlines() or [type(error).__name__])[0]
