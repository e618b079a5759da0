"""Workers that start at once: forks of one process that has imported torch.

A worker's process, its pipes, its log and all that it runs are real; only the interpreter's start and its imports,
two seconds for each worker, are shared. Tests of processes (``mgnas_process``, ``command``) start theirs anew.
Searches in processes of their own share them too where a test asks for it (``command_with_warm_workers``).

Run as a program, this is the server: it forks a worker for each request and reports how that worker ended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

PRELOADED = (
    "search.executors.worker",
    "trainers.data.open_data",
    "trainers.device.calibration",
    "trainers.training",
)
"""Modules that most workers import."""
MOST_DESCRIPTORS = 4096
ROOT = Path(__file__).parents[2]


class WarmWorker:
    """A forked worker with the part of ``subprocess.Popen`` that the executor uses."""

    def __init__(self, server: socket.socket, log: IO[bytes], environment: dict[str, str]) -> None:
        self.returncode: int | None = None
        self._waiting = threading.Lock()
        self._ours, theirs = socket.socketpair()
        jobs, stdin = os.pipe()
        stdout, events = os.pipe()
        request = json.dumps({"environment": environment, "folder": str(Path.cwd())}).encode()
        server.sendall(len(request).to_bytes(8, "big") + request)
        socket.send_fds(server, [b"f"], [jobs, events, log.fileno(), theirs.fileno()])
        for descriptor in (jobs, events):
            os.close(descriptor)
        theirs.close()
        self.pid = int(self._line())
        self.stdin = os.fdopen(stdin, "w", encoding="utf-8")
        self.stdout = os.fdopen(stdout, encoding="utf-8")

    def _line(self) -> bytes:
        line = b""
        while not line.endswith(b"\n"):
            read = self._ours.recv(1)
            assert read, "the server of warm workers is gone"
            line += read
        return line

    def wait(self) -> int:
        """Return the exit code, negative for a signal, once the worker has ended."""
        with self._waiting:
            if self.returncode is None:
                self.returncode = int(self._line())
                self._ours.close()
            return self.returncode

    def kill(self) -> None:
        with contextlib.suppress(OSError):  # it has ended
            self._ours.sendall(b"k")


class WarmWorkers:
    """Stands in for the module ``subprocess`` in ``search.executors.worker_process``.

    Args:
        address: The server of another process; None to start one when it is needed.
    """

    def __init__(self, address: str | None = None) -> None:
        self._address = address
        self._requests: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def address(self) -> str:
        """Return the address of the server, which runs then."""
        if self._address is None:
            self._address = str(Path(tempfile.mkdtemp(prefix="mgnas-warm-"), "socket"))
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(self._address)
                listener.listen(100)
                self._server = subprocess.Popen(
                    [sys.executable, "-P", __file__, str(listener.fileno())],
                    pass_fds=[listener.fileno()],
                    env=os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""},
                    stdin=subprocess.DEVNULL,
                    cwd="/",  # not the folder of the test that starts it
                )
            self._connect()  # the server ends with its first connection
        return self._address

    def _connect(self) -> socket.socket:
        if self._requests is None:
            self._requests = socket.socket(socket.AF_UNIX)
            self._requests.connect(self.address())
        return self._requests

    def Popen(self, _command: list[str], *, env: dict[str, str], stderr: IO[bytes], **_: Any) -> WarmWorker:  # noqa: N802
        """Fork a worker; what the executor says besides holds for every worker."""
        self.address()
        return WarmWorker(self._connect(), stderr, env)

    def close(self) -> None:
        if self._requests is not None:
            self._requests.close()
        if self._server is not None:
            self._server.wait()
            shutil.rmtree(Path(self.address()).parent, ignore_errors=True)


SHARED = WarmWorkers()
"""The server of this test process."""


def command_with_warm_workers(*arguments: str | Path, changes: str = "") -> list[str]:
    """Return the command of a process that runs ``mgnas`` and forks its workers from the server of this process.

    The workers are no children of that process, and the server kills them if it dies.

    Args:
        arguments: Those of ``mgnas``.
        changes: Code that runs in the process first.
    """
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); {changes}\n"
        "from search.executors import worker_process; from tests.support.warm_workers import WarmWorkers; "
        f"worker_process.subprocess = WarmWorkers({SHARED.address()!r})\n"
        "from search.cli.main import main; main()"
    )
    return [sys.executable, "-P", "-c", code, *map(str, arguments)]


def serve(listener: socket.socket) -> None:
    """Fork a worker for each request until the first connection closes."""
    for name in PRELOADED:
        importlib.import_module(name)

    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    drivers: dict[int, socket.socket] = {}
    first, _ = listener.accept()
    connections = {first}
    with selectors.DefaultSelector() as selector:
        for one in (listener, first, wake):
            selector.register(one, selectors.EVENT_READ)
        while first in connections:
            for key, _ in selector.select():
                if key.fileobj is wake:
                    os.read(wake, 4096)
                    _report(drivers)
                elif key.fileobj is listener:
                    requests, _ = listener.accept()
                    connections.add(requests)
                    selector.register(requests, selectors.EVENT_READ)
                elif key.fileobj in connections:
                    requests = key.fileobj
                    if not _fork(requests, drivers, selector):
                        selector.unregister(requests)
                        connections.remove(requests)
                        requests.close()
                else:
                    _listen(key, drivers, selector)


def _report(drivers: dict[int, socket.socket]) -> None:
    """Tell the drivers of workers that have ended."""
    for pid in list(drivers):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with contextlib.suppress(OSError):
                drivers.pop(pid).sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _listen(
    key: selectors.SelectorKey, drivers: dict[int, socket.socket], selector: selectors.BaseSelector
) -> None:
    """Kill a worker whose driver asks for it or is gone; a process that was not waited for keeps its number."""
    driver = key.fileobj
    assert isinstance(driver, socket.socket)
    try:
        is_gone = not driver.recv(1)
    except OSError:
        is_gone = True
    if key.data in drivers:
        os.kill(key.data, signal.SIGKILL)
    if is_gone:
        selector.unregister(driver)
        driver.close()


def _fork(
    requests: socket.socket, drivers: dict[int, socket.socket], selector: selectors.BaseSelector
) -> bool:
    """Fork a worker; return False where no request comes any more."""
    try:
        length = int.from_bytes(requests.recv(8, socket.MSG_WAITALL), "big")
        content = requests.recv(length, socket.MSG_WAITALL) if length else b""
        _, descriptors, _, _ = socket.recv_fds(requests, 1, 4) if content else (b"", [], 0, None)
    except OSError:  # its process was killed
        return False
    if len(descriptors) < 4:
        return False
    request = json.loads(content)
    *streams, descriptor = descriptors
    driver = socket.socket(fileno=descriptor)
    pid = os.fork()
    if pid == 0:
        _become_worker(request, streams)
    for stream in streams:
        os.close(stream)
    drivers[pid] = driver
    with contextlib.suppress(OSError):
        driver.sendall(f"{pid}\n".encode())
    selector.register(driver, selectors.EVENT_READ, pid)
    return True


def _become_worker(request: dict[str, Any], streams: list[int]) -> None:
    """Run what ``python -m search.executors.worker`` runs, as its own session, and exit."""
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        os.closerange(3, MOST_DESCRIPTORS)
        os.chdir(request["folder"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        from search.executors.worker import main

        main()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
