"""The cache folder of a node: images, plugins and files of trainings that the driver sent."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from space.core.errors import InvalidInputError


def node_cache() -> Path:
    """Return the folder ``mgnas-UID`` in the node's temporary folder; only this user can read it.

    Raises:
        InvalidInputError: The folder belongs to another user.
    """
    folder = Path(tempfile.gettempdir()) / f"mgnas-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if folder.is_symlink() or facts.st_uid != os.getuid():
        raise InvalidInputError(f"{folder} belongs to another user; remove it, or set TMPDIR on this node")
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file of ``path``: one process of the node at a time writes there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
