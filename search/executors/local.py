"""The local executor: one persistent worker process for each slot of this machine."""

from __future__ import annotations

import platform
import queue
import signal
import time
from collections import Counter, deque
from dataclasses import replace
from pathlib import Path

from search.executors.base import MAX_EARLY_DEATHS
from search.executors.liveness import HangLimits, Liveness, WakingClock
from search.executors.messages import (
    Deferred,
    Epoch,
    Event,
    Failed,
    Fatal,
    Finished,
    Job,
    Lost,
    Measured,
    Paused,
    Placed,
    Ready,
    Recovered,
    Retired,
    Setup,
    Silent,
)
from search.executors.sharing import DeviceSharing
from search.executors.slots import Slot
from search.executors.worker_process import END_S, WorkerProcess
from trainers.device.memory_size import kills_for_memory


class LocalExecutor:
    """Runs jobs in one persistent process for each slot, and replaces processes that die or hang.

    A job that runs out of memory beside others runs again alone on its device.

    Args:
        slots: The places of the workers.
        setup: The settings of all jobs.
        log_folder: The folder for the output of the workers.
        limits: When a worker hangs.
    """

    def __init__(
        self,
        slots: list[Slot],
        setup: Setup,
        log_folder: Path,
        limits: HangLimits | None = None,
    ) -> None:
        self._slots = slots
        self._sharing = DeviceSharing({number: slot.gpu for number, slot in enumerate(slots)})
        self._setup = setup
        self._logs = log_folder
        self._limits = limits or HangLimits()
        self._clock = WakingClock().start()
        self._inbox: queue.Queue[tuple[WorkerProcess, Event | None]] = queue.Queue()
        self._waiting: deque[Job] = deque()  # jobs of slots that were given up
        self._placed: list[Event] = []
        self._early_deaths: Counter[int] = Counter()
        self._killed_s: dict[WorkerProcess, float] = {}
        self._explained_kills = kills_for_memory()
        log_folder.mkdir(parents=True, exist_ok=True)
        self._workers = {index: self._start(index) for index in range(len(slots))}

    def _start(self, index: int) -> WorkerProcess:
        slot = self._slots[index]
        setup = replace(
            self._setup,
            device=slot.device,
            threads=slot.threads,
            memory_share=1 / len(self._slots),
            device_share=1 / sum(other.gpu == slot.gpu for other in self._slots),
        )
        liveness = Liveness(self._clock, self._limits)

        def tell(worker: WorkerProcess, event: Event | None) -> None:
            self._inbox.put((worker, event))

        return WorkerProcess(index, slot, setup, self._log(index), liveness, tell)

    def _log(self, index: int) -> Path:
        return self._logs / f"worker-{index}.log"

    def _idle(self) -> list[WorkerProcess]:
        return [worker for worker in self._workers.values() if worker.job is None]

    def _open(self) -> list[WorkerProcess]:
        """Return the workers that may get any job."""
        return [worker for worker in self._idle() if self._sharing.is_open(worker.index)]

    def free_slots(self) -> int:
        """Return the number of workers without a job, except those beside a job that must run alone."""
        return max(0, len(self._open()) - len(self._waiting))

    def pids(self) -> list[int]:
        """Return the process id of each worker."""
        return [worker.process.pid for worker in self._workers.values()]

    def submit(self, job: Job) -> None:
        """Send ``job`` to a worker without one, to a ready worker if there is one."""
        self._give(max(self._open(), key=lambda worker: worker.ready), job)

    def _give(self, worker: WorkerProcess, job: Job) -> None:
        self._sharing.begin(worker.index, job)
        worker.begin(job)
        self._placed.append(
            Placed(job.trial, worker.index, worker.device, platform.node(), worker.process.pid)
        )

    def _give_waiting(self) -> None:
        """Give free workers the jobs that must run alone, and those of slots that were given up."""
        idle = sorted(self._idle(), key=lambda worker: not worker.ready)
        for index, job in self._sharing.take_alone([worker.index for worker in idle]):
            self._give(self._workers[index], job)
        while self._waiting and self._open():
            self.submit(self._waiting.popleft())

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the events since the last call, in order."""
        events = self._check_hangs()
        deadline = time.monotonic() + timeout_s
        while True:
            self._give_waiting()
            events += self._placed
            self._placed = []
            wait = 0.0 if events else max(0.0, deadline - time.monotonic())
            try:
                worker, event = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except queue.Empty:
                return events
            events += self._handle(worker, event)

    # -- workers that hang -------------------------------------------------------------------------------

    def _check_hangs(self) -> list[Event]:
        """Kill the workers that hang; return those that fell silent, or recovered, since the last call."""
        events: list[Event] = []
        for worker in list(self._workers.values()):
            if (killed_s := self._killed_s.get(worker)) is not None:
                if self._clock() - killed_s >= END_S:  # a process that the system cannot end
                    events += self._replace(worker)
                continue
            hang = worker.liveness.hang(is_busy=worker.job is not None or not worker.ready)
            if hang is not None and hang.is_over_limit:
                self._killed_s[worker] = self._clock()
                worker.kill(f"was killed, since it {hang.what} for {hang.seconds:.0f} s")
            elif worker.job and (hang is not None) != worker.liveness.is_silent:
                trial = worker.job.trial
                events.append(
                    Silent(trial, f"its worker {hang.what}", hang.seconds) if hang else Recovered(trial)
                )
            worker.liveness.is_silent = hang is not None and worker.job is not None
        return events

    # -- workers that die --------------------------------------------------------------------------------

    def _handle(self, worker: WorkerProcess, event: Event | None) -> list[Event]:
        if worker is not self._workers.get(worker.index):
            return []
        if event is None:
            return self._replace(worker)
        if isinstance(event, Ready):
            worker.ready = True
            self._early_deaths[worker.index] = 0
        elif isinstance(event, Epoch) and worker.job is not None:
            worker.job = replace(worker.job, known_epochs=event.report.epoch)
        elif isinstance(event, Measured) and worker.job is not None:
            worker.job = replace(worker.job, known_latency_ms=event.latency_ms)
        elif isinstance(event, (Paused, Finished, Failed)):
            return [self._end_job(worker, event)]
        return [event]

    def _end_job(self, worker: WorkerProcess, event: Paused | Finished | Failed) -> Event:
        job, worker.job = worker.job, None
        assert job is not None
        is_memory = isinstance(event, Failed) and event.is_memory
        if self._sharing.end(worker.index, job, is_memory=is_memory):
            assert isinstance(event, Failed)
            return Deferred(event.trial, event.reason, worker.device)
        return event

    def _replace(self, dead: WorkerProcess) -> list[Event]:
        is_memory = self._was_memory(dead)
        ended = "was killed by the out-of-memory killer" if is_memory else dead.how_it_ended()
        self._killed_s.pop(dead, None)
        if dead.process.returncode is not None:
            dead.end()
        if not dead.ready:
            self._early_deaths[dead.index] += 1
            if self._early_deaths[dead.index] >= MAX_EARLY_DEATHS:
                return self._retire(dead, ended)
        self._workers[dead.index] = self._start(dead.index)
        if dead.job is None:
            return []
        if not dead.ready:
            self._give(self._workers[dead.index], dead.job)
            return []
        self._sharing.lose(dead.index, dead.job, is_memory=is_memory)
        return [Lost(dead.job.trial, f"its worker {ended}", is_memory)]

    def _retire(self, dead: WorkerProcess, ended: str) -> list[Event]:
        """Give a slot up; its job waits for another one."""
        del self._workers[dead.index]
        log = self._log(dead.index)
        if not self._workers:
            return [
                Fatal(
                    f"workers on {dead.device} do not start (the last one {ended}); see the end of {log} for "
                    "the reason. --set search.device chooses another device"
                )
            ]
        self._waiting += self._sharing.give_up(dead.index, dead.job)
        return [Retired(dead.index, dead.device, f"the last one {ended}", str(log), len(self._workers))]

    def _was_memory(self, dead: WorkerProcess) -> bool:
        """Return whether the out-of-memory killer ended a worker: SIGKILL, and the kernel counted a kill.

        Each counted kill explains one death, since several workers may die before the executor notices.
        """
        is_kill = dead.process.returncode == -signal.SIGKILL and dead.killed_because is None
        is_memory = is_kill and kills_for_memory() > self._explained_kills
        self._explained_kills += is_memory
        return is_memory

    def close(self) -> None:
        """Kill the workers; their trainings are aborted."""
        for worker in self._workers.values():
            worker.kill()
        for worker in self._workers.values():
            worker.end()
