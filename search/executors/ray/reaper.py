"""The end of a Ray cluster that was started here, also if its driver was killed.

Ray's workers and agents outlive a killed driver, and its files stay. The reaper is a small process that waits for
the end of the driver, kills the remaining processes of the cluster, and removes its folder. It runs this file as a
program, which imports only the standard library.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

MARK = "MGNAS_RAY_FOLDER"
"""The environment variable that all processes of the cluster inherit. Its value is the folder of the cluster."""
MOST_S = 15.0
"""Seconds after which the reaper gives up, as on a process that the system cannot end."""


class Reaper:
    """Ends a cluster when ``close`` is called, or when this process dies.

    Without ``/proc``, as on macOS, it removes the folder only.

    Args:
        folder: The folder of the cluster.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )

    def environment(self) -> dict[str, str]:
        """Return the variables of the cluster's processes."""
        return {MARK: self._folder}

    def close(self) -> None:
        """End the cluster, and wait until it is gone."""
        stdin = self._process.stdin
        assert stdin is not None
        with suppress(BrokenPipeError), stdin:
            stdin.write(b".")  # a fork of this process may hold the pipe open
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(MOST_S + 5)


def processes_of(folder: str) -> list[int]:
    """Return the processes of the cluster in ``folder``, except dead ones.

    They inherit ``MARK``. The title of a process of Ray may overwrite its environment; its log is then in the folder.
    """
    return [
        int(place.name)
        for place in Path("/proc").glob("[0-9]*")
        if has_variable(place, MARK, folder) or (_is_of_ray(place) and writes_in(place, folder))
    ]


def _is_of_ray(process: Path) -> bool:
    """Return whether the title is one of Ray; the driver writes in the folder too."""
    with suppress(OSError):
        return (process / "cmdline").read_bytes().startswith(b"ray::")
    return False


def has_variable(process: Path, name: str, value: str) -> bool:
    """Return whether the process in ``/proc/PID`` was started with an environment variable."""
    with suppress(OSError):
        return f"{name}={value}".encode() in (process / "environ").read_bytes().split(b"\0")
    return False


def writes_in(process: Path, folder: str) -> bool:
    """Return whether the process in ``/proc/PID`` has a file below ``folder`` open for writing."""
    with suppress(OSError):
        for link in (process / "fd").iterdir():
            if str(link.readlink()).startswith(f"{folder}/") and link.lstat().st_mode & stat.S_IWUSR:
                return True
    return False


def end_cluster(folder: str) -> None:
    """Kill the processes of the cluster in ``folder`` until there are none; then remove the folder."""
    deadline_s = time.monotonic() + MOST_S
    while (left := processes_of(folder)) and time.monotonic() < deadline_s:
        for pid in left:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    while Path(folder).exists() and time.monotonic() < deadline_s:
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)


def main() -> None:
    """Wait for a byte, or for the death of the driver, which closes the input; then end its cluster."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    sys.stdin.buffer.read(1)
    end_cluster(sys.argv[1])


if __name__ == "__main__":
    main()
