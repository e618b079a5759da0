"""An executor whose networks are measured on the user's devices while they train."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from results.storage.records import TrialRecord
from search.devices.bench import Answer, DeviceBench
from search.devices.config import DeviceConfig
from search.executors.base import Executor
from search.executors.messages import Event, Failed, Finished, Job, Lost, Measured, Paused, Remark
from space.networks.load import load_spec

CHECK_S = 0.1
"""Seconds between two looks at the answers of devices while they are waited for."""


@dataclass
class _Awaited:
    """A trial whose network is being measured.

    Attributes:
        arch: The network.
        side: The side of its images in pixels; None for the size of the study.
        waits_for: The devices without an answer.
        job: Its job; None for a trial that is complete.
        end: The end of the job, held back.
    """

    arch: str
    side: int | None
    waits_for: set[str]
    job: Job | None = None
    end: Paused | Finished | None = None


class DeviceExecutor:
    """Passes jobs and events on. The end of a job waits for the devices, so that its cost is known by then.

    ``latency_ms`` is what the first device measured; those of further devices are recorded only. A network that the
    first device could not measure has no latency, and its training ends as any other.

    Args:
        inner: The executor that trains.
        bench: The devices.
        devices: Their settings.
        max_latency_ms: The limit of the latency; None for none.
        unmeasured: Complete trials without a latency, of an earlier run. They are measured before others start.
    """

    def __init__(
        self,
        inner: Executor,
        bench: DeviceBench,
        devices: Sequence[DeviceConfig],
        max_latency_ms: float | None = None,
        unmeasured: Sequence[TrialRecord] = (),
    ) -> None:
        self._inner = inner
        self._bench = bench
        self._devices = devices
        self._limit_ms = max_latency_ms
        self._awaited: dict[int, _Awaited] = {}
        self._measured: dict[int, tuple[Job, float]] = {}
        self._refused: list[Event] = []
        for record in unmeasured:
            self._ask(record.number, record.arch, record.spec, record.image_side)

    def _ask(
        self, trial: int, arch: str, spec: dict[str, object], side: int | None, job: Job | None = None
    ) -> None:
        self._awaited[trial] = _Awaited(arch, side, {device.name for device in self._devices}, job)
        self._bench.ask(arch, spec, side)

    def free_slots(self) -> int:
        """Return the free slots of the executor that trains; none while complete trials are measured."""
        if any(one.job is None for one in self._awaited.values()):
            return 0
        return self._inner.free_slots()

    def submit(self, job: Job) -> None:
        """Train a network, and have it measured if its latency is unknown; refuse one that is over the limit."""
        if job.known_latency_ms is None:
            self._ask(job.trial, load_spec(job.spec).arch, job.spec, job.recipe.image_size, job)
        elif (failed := self._over_limit(job, job.known_latency_ms)) is not None:
            self._refused.append(failed)
            return
        self._inner.submit(job)

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the events since the last call in order."""
        events, self._refused = [*self._refused, *self._answered()], []
        wait_s = min(timeout_s, CHECK_S) if self._awaited else timeout_s
        for event in self._inner.poll(0.0 if events else wait_s):
            trial = getattr(event, "trial", None)
            awaited = self._awaited.get(trial) if trial is not None else None
            if isinstance(event, (Paused, Finished)):
                if awaited is not None:
                    awaited.end = event
                    continue
                event = self._end(event)
            elif isinstance(event, (Failed, Lost)):
                self._awaited.pop(event.trial, None)
                self._measured.pop(event.trial, None)
            events.append(event)
        return events

    def _answered(self) -> list[Event]:
        events: list[Event] = []
        while True:
            try:
                answer = self._bench.answers.get_nowait()
            except queue.Empty:
                return events
            events += self._take(answer)

    def _take(self, answer: Answer) -> list[Event]:
        """Return the events of an answer: what was measured, and the ends of the jobs that waited for it."""
        trials = [
            trial
            for trial, one in self._awaited.items()
            if (one.arch, one.side) == (answer.arch, answer.side) and answer.device.name in one.waits_for
        ]
        events: list[Event] = []
        if answer.measurement is None and trials:
            which = f"trial{'s' * (len(trials) > 1)} {', '.join(map(str, trials))}"
            events.append(Remark(f"device {answer.device.name} has no latency for {which}: {answer.problem}"))
        for trial in trials:
            one = self._awaited[trial]
            if answer.measurement is not None and answer.device == self._devices[0]:
                events.append(Measured(trial, answer.measurement.latency_ms))
                if one.job is not None:
                    self._measured[trial] = one.job, answer.measurement.latency_ms
            one.waits_for.discard(answer.device.name)
            if not one.waits_for:
                del self._awaited[trial]
                events += [] if one.end is None else [self._end(one.end)]
        return events

    def _end(self, end: Paused | Finished) -> Event:
        """Return the end of a job; a network that is over the limit has failed and leaves no weights."""
        job, latency_ms = self._measured.pop(end.trial, (None, 0.0))
        if job is None or (failed := self._over_limit(job, latency_ms)) is None:
            return end
        Path(job.weights_path).unlink(missing_ok=True)
        return failed

    def _over_limit(self, job: Job, latency_ms: float) -> Failed | None:
        if self._limit_ms is None or not job.is_limited or latency_ms <= self._limit_ms:
            return None
        reason = f"latency_ms {latency_ms:.7g} > max_latency_ms {self._limit_ms:.7g}"
        return Failed(job.trial, reason, is_over_limit=True)

    def close(self) -> None:
        """End the trainings and the measurements."""
        self._bench.close()
        self._inner.close()
