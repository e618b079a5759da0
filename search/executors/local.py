"""The local executor: one persistent worker process for each slot of this machine."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

from search.executors.liveness import Liveness
from search.executors.messages import (
    Beat,
    Event,
    Failed,
    Fatal,
    Finished,
    Job,
    Lost,
    Paused,
    Ready,
    Recovered,
    Setup,
    Silent,
    decode_event,
    encode,
)
from search.executors.slots import Slot
from trainers.device.memory_size import kills_for_memory

MAX_EARLY_DEATHS = 3
"""Workers of a slot that may die in a row before they are ready; then the search ends."""


class _Worker:
    """One worker process, the thread that reads from it, and its current job."""

    def __init__(
        self, index: int, slot: Slot, setup: Setup, log: Path, tell: Callable[[_Worker, Event | None], None]
    ) -> None:
        self.index = index
        self.job: Job | None = None
        self.ready = False
        self.liveness = Liveness()
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        with log.open("ab") as stderr:
            # -P: Python must not import a folder "search" or "results" of the current folder
            # a session of its own: only the driver gets Ctrl-C
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "search.executors.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=os.environ | {"PYTHONPATH": path} | slot.environment(),
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )
        self.write(encode(setup))
        self.reader = threading.Thread(target=self._read, args=(tell,), daemon=True)
        self.reader.start()

    def write(self, line: str) -> None:
        stdin = self.process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the reading thread detects a dead worker
            stdin.write(line + "\n")
            stdin.flush()

    def _read(self, tell: Callable[[_Worker, Event | None], None]) -> None:
        stdout: IO[str] | None = self.process.stdout
        assert stdout is not None
        try:
            for line in stdout:
                event = decode_event(line)
                self.liveness.hear(event)
                if not isinstance(event, Beat):
                    tell(self, event)
        except (ValueError, TypeError):
            self.process.kill()  # half a line of a killed worker, or an invalid message
        finally:
            self.process.wait()
            tell(self, None)

    def end(self) -> None:
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def how_it_ended(self) -> str:
        code = self.process.returncode
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


class LocalExecutor:
    """Runs jobs in one persistent process for each slot, and replaces dead processes."""

    def __init__(
        self,
        slots: list[Slot],
        setup: Setup,
        log_folder: Path,
    ) -> None:
        self._slots = slots
        self._setup = setup
        self._logs = log_folder
        self._inbox: queue.Queue[tuple[_Worker, Event | None]] = queue.Queue()
        self._early_deaths: Counter[int] = Counter()
        self._explained_kills = kills_for_memory()
        log_folder.mkdir(parents=True, exist_ok=True)
        self._workers = [self._start(index) for index in range(len(slots))]

    def _start(self, index: int) -> _Worker:
        slot = self._slots[index]
        setup = replace(
            self._setup,
            device=slot.device,
            threads=slot.threads,
            memory_share=1 / len(self._slots),
            device_share=1 / sum(other.gpu == slot.gpu for other in self._slots),
        )
        log = self._logs / f"worker-{index}.log"
        return _Worker(index, slot, setup, log, lambda worker, event: self._inbox.put((worker, event)))

    def free_slots(self) -> int:
        """Return the number of workers without a job."""
        return sum(worker.job is None for worker in self._workers)

    def pids(self) -> list[int]:
        """Return the process id of each worker."""
        return [worker.process.pid for worker in self._workers]

    def submit(self, job: Job) -> None:
        """Send ``job`` to a worker without one, to a ready worker if there is one."""
        free = [worker for worker in self._workers if worker.job is None]
        worker = max(free, key=lambda worker: worker.ready)
        worker.job = job
        worker.liveness.begin()
        worker.write(encode(job))

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the events since the last call, in order."""
        events = self._silence()
        deadline = time.monotonic() + timeout_s
        while True:
            wait = 0.0 if events else max(0.0, deadline - time.monotonic())
            try:
                worker, event = self._inbox.get(timeout=wait) if wait else self._inbox.get_nowait()
            except queue.Empty:
                return events
            events += self._handle(worker, event)

    def _silence(self) -> list[Event]:
        """Return the workers that fell silent, or recovered, since the last call."""
        events: list[Event] = []
        for worker in self._workers:
            why = worker.liveness.why_silent() if worker.job else None
            if worker.job and (why is not None) != worker.liveness.is_silent:
                trial = worker.job.trial
                events.append(Silent(trial, *why) if why else Recovered(trial))
            worker.liveness.is_silent = why is not None
        return events

    def _handle(self, worker: _Worker, event: Event | None) -> list[Event]:
        if worker is not self._workers[worker.index]:
            return []
        if event is None:
            return self._replace(worker)
        if isinstance(event, Ready):
            worker.ready = True
            self._early_deaths[worker.index] = 0
        elif isinstance(event, (Paused, Finished, Failed)):
            worker.job = None
        return [event]

    def _replace(self, dead: _Worker) -> list[Event]:
        reason = f"its worker {dead.how_it_ended()}"
        is_memory = self._was_memory(dead)
        if is_memory:
            reason = "its worker was killed by the out-of-memory killer"
        if not dead.ready:
            self._early_deaths[dead.index] += 1
            if self._early_deaths[dead.index] >= MAX_EARLY_DEATHS:
                log = self._logs / f"worker-{dead.index}.log"
                ended, device = dead.how_it_ended(), self._slots[dead.index].device
                return [
                    Fatal(
                        f"workers on {device} do not start (the last one {ended}); see the end of {log} for "
                        "the reason. --set search.device chooses another device"
                    )
                ]
        dead.end()
        self._workers[dead.index] = self._start(dead.index)
        if dead.job is None:
            return []
        if not dead.ready:
            self.submit(dead.job)
            return []
        return [Lost(dead.job.trial, reason, is_memory)]

    def _was_memory(self, dead: _Worker) -> bool:
        """Return whether the out-of-memory killer ended a worker: SIGKILL, and the kernel counted a kill.

        Each counted kill explains one death, since several workers may die before the executor notices.
        """
        is_memory = dead.process.returncode == -signal.SIGKILL and kills_for_memory() > self._explained_kills
        self._explained_kills += is_memory
        return is_memory

    def close(self) -> None:
        """Kill the workers; their trainings are aborted."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.end()
