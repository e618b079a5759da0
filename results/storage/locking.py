"""The locks of a study's SQLite database: readers do not block the search, and writers wait for each other.

While the driver runs, the database is in WAL mode: readers see a snapshot and do not block the driver. When the
driver ends, the database is one file again. Network file systems do not support WAL; there the driver waits.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from results.storage.waiting import Obstacle, Wait

ATTEMPT_S = 0.5
"""How long SQLite waits for a lock. Python handles signals only between two attempts."""
NETWORK_FILE_SYSTEMS = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs"),
    *("gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"),
}
"""File systems without shared memory, which WAL requires."""


def _is_locked(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


LOCKED = Obstacle(
    _is_locked,
    began="another program has locked the study's database",
    ended="the study's database is unlocked",
)


def connect_args(wait: Wait) -> dict[str, Any]:
    """Return the arguments of ``sqlite3.connect`` for connections that wait for locks."""

    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = _WaitingConnection(*args, **kwargs)
        connection.wait = wait
        return connection

    # IMMEDIATE: only the begin of a transaction can find the database locked
    return {"factory": connect, "timeout": ATTEMPT_S, "isolation_level": "IMMEDIATE"}


class _WaitingConnection(sqlite3.Connection):
    wait: Wait

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _WaitingCursor)

    def commit(self) -> None:
        self.wait.run(super().commit, LOCKED)


class _WaitingCursor(sqlite3.Cursor):
    connection: _WaitingConnection

    def execute(self, *arguments: Any) -> Any:
        run = super().execute
        return self.connection.wait.run(lambda: run(*arguments), LOCKED)

    def executemany(self, *arguments: Any) -> Any:
        run = super().executemany
        return self.connection.wait.run(lambda: run(*arguments), LOCKED)


def let_readers_be(database: Path) -> None:
    """Set WAL mode, in which readers do not block the writer, if the file system supports it."""
    if file_system_of(database) in NETWORK_FILE_SYSTEMS:
        return
    _set_journal_mode(database, "WAL")


def make_one_file(database: Path) -> None:
    """Merge the WAL into the database file; while a reader has it open, it stays in WAL mode."""
    _set_journal_mode(database, "DELETE")


def _set_journal_mode(database: Path, mode: str) -> None:
    with suppress(sqlite3.Error), closing(sqlite3.connect(database, timeout=ATTEMPT_S)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}").fetchone()


def is_read_only_wal(database: Path) -> bool:
    """Return whether a database is in WAL mode without a WAL file, in a read-only folder.

    SQLite opens such a database only as ``immutable``.
    """
    if os.access(database.parent, os.W_OK) or database.with_name(f"{database.name}-wal").exists():
        return False
    with database.open("rb") as file:
        return file.read(20)[18:20] == b"\x02\x02"


def file_system_of(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """Return the type of the file system that holds ``path``, such as ext4 or nfs4; None if it is unknown."""
    place = path.absolute().resolve()
    best, found = -1, None
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
        if place.is_relative_to(point) and len(point) >= best:
            best, found = len(point), fields[2]
    return found
