"""Whether a driver is at work in a study's folder: it holds a lock on a file there."""

from __future__ import annotations

import fcntl
from pathlib import Path

LOCK = ".lock"


def is_locked(folder: Path) -> bool:
    """Return whether a driver is at work in ``folder``."""
    try:
        with (folder / LOCK).open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False  # never searched in, or not ours to read
