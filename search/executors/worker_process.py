"""A worker process as the local executor sees it: its pipes, the thread that reads from it, and its job."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from search.executors.liveness import Liveness
from search.executors.message_lines import decode_event, encode
from search.executors.messages import Beat, Event, Job, Setup
from search.executors.slots import Slot

START = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "from search.executors.worker import main; main()"
)
"""The program of a worker. SIGINT ends it without a traceback, also during its imports."""
END_S = 10.0
"""Seconds after which a killed process counts as one that the system cannot end, as on a dead file system."""


class WorkerProcess:
    """One worker process of a slot.

    Args:
        index: The number of the slot.
        slot: The device.
        setup: The settings of all jobs.
        log: The file for the output of the worker.
        liveness: The times of its messages.
        tell: Called with each event, from another thread, and with None at the end of the process.

    Attributes:
        job: The current job.
        ready: Whether the worker has loaded its images.
        killed_because: Why the executor killed it, as a sentence about the worker; None if it did not.
    """

    def __init__(
        self,
        index: int,
        slot: Slot,
        setup: Setup,
        log: Path,
        liveness: Liveness,
        tell: Callable[[WorkerProcess, Event | None], None],
    ) -> None:
        self.index = index
        self.device = setup.device if slot.gpu is None else f"{setup.device}:{slot.gpu}"
        self.job: Job | None = None
        self.ready = False
        self.killed_because: str | None = None
        self.liveness = liveness
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        with log.open("ab") as stderr:
            # -P: Python must not import a folder "search" or "results" of the current folder
            # a session of its own: only the driver gets Ctrl-C
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", START, "search.executors.worker"],
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
        """Send a line to the process."""
        stdin = self.process.stdin
        assert stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the reading thread detects a dead worker
            stdin.write(line + "\n")
            stdin.flush()

    def begin(self, job: Job) -> None:
        """Send a job."""
        self.job = job
        self.liveness.begin()
        self.write(encode(job))

    def _read(self, tell: Callable[[WorkerProcess, Event | None], None]) -> None:
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

    def kill(self, because: str | None = None) -> None:
        """Kill the process, also a stopped one; ``because`` is the reason to report."""
        self.killed_because = self.killed_because or because
        self.process.kill()

    def end(self) -> None:
        """Wait for the end of the killed process, and close its pipes."""
        self.reader.join(END_S)
        if self.reader.is_alive():
            return  # the system cannot end it
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def how_it_ended(self) -> str:
        """Return how the process ended, as the rest of a sentence about the worker."""
        if self.killed_because is not None:
            return self.killed_because
        code = self.process.returncode
        return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
