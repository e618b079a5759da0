"""Whether a driver is at work on a study: it holds the lock of the folder, or the lease in PostgreSQL."""

from __future__ import annotations

import fcntl
from pathlib import Path

from results.storage.lease import Holder
from results.storage.location import is_on_server, locate
from results.storage.reading import lease_of

LOCK = ".lock"


def is_locked(folder: Path) -> bool:
    """Return whether a driver is at work on the study in ``folder``."""
    return lease_holder(folder) is not None if is_on_server(folder) else is_folder_locked(folder)


def is_folder_locked(folder: Path) -> bool:
    """Return whether a process holds the lock of ``folder``."""
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False  # no lock file, or no permission to read it


def lease_holder(folder: Path) -> Holder | None:
    """Return the driver at work on a study in PostgreSQL; None without one."""
    state = lease_of(locate(folder))
    return state.holder if state is not None and state.holder.is_alive else None


def locked_since(folder: Path) -> float:
    """Return the Unix time when the last driver of the study in ``folder`` began; 0 if there was none."""
    if is_on_server(folder):
        state = lease_of(locate(folder))
        return 0.0 if state is None else state.holder.since_s
    try:
        return (folder / LOCK).stat().st_mtime
    except OSError:
        return 0.0
