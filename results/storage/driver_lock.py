"""The lock that a running driver holds on a file in the study's folder."""

from __future__ import annotations

import fcntl
from pathlib import Path

LOCK = ".lock"


def is_locked(folder: Path) -> bool:
    """Return whether a driver runs in ``folder``."""
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False  # no lock file, or no permission to read it


def locked_since(folder: Path) -> float:
    """Return the Unix time when the last driver in ``folder`` took the lock; 0 if there was none."""
    try:
        return (folder / LOCK).stat().st_mtime
    except OSError:
        return 0.0
