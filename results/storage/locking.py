"""The locks of a study's SQLite database: readers do not block the search, and writers wait for each other.

While the driver runs, the database is in WAL mode: readers see a snapshot and do not block the driver. When the
driver ends, the database is one file again. Network file systems do not support WAL; there the driver waits.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

_logger = logging.getLogger(__name__)

ATTEMPT_S = 0.5
"""How long SQLite waits for a lock. Python handles signals only between two attempts."""
WAIT_S = 300.0
TELL_AFTER_S = 3.0
NETWORK_FILE_SYSTEMS = {
    *("9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs"),
    *("gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"),
}
"""File systems without shared memory, which WAL requires."""
Result = TypeVar("Result")


def _nothing() -> None:
    pass


def _log_only(_text: str) -> None:
    pass


@dataclass
class LockWait:
    """How a writer waits for the lock of a database.

    Attributes:
        limit_s: The longest wait; then the error of SQLite is raised.
        tell: Called with a message when a wait is long, and when it is over.
        between: Called between two attempts, outside of transactions; it may raise.
    """

    limit_s: float = WAIT_S
    tell: Callable[[str], None] = field(default=_log_only)
    between: Callable[[], None] = field(default=_nothing)

    def run(self, attempt: Callable[[], Result]) -> Result:
        """Return what ``attempt`` returns; repeat it while the database is locked."""
        began_s, told = time.monotonic(), False
        while True:
            try:
                result = attempt()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() - began_s >= self.limit_s:
                    raise
            else:
                if told:
                    self._say("the study's database is unlocked; the search continues")
                return result
            if not told and time.monotonic() - began_s >= TELL_AFTER_S:
                told = True
                self._say(
                    "another program has locked the study's database; the search waits for at most "
                    f"{self.limit_s:.0f} s. Trainings continue, and their results are kept in memory"
                )
            self.between()

    def _say(self, text: str) -> None:
        _logger.warning("%s", text)
        self.tell(text)

    def connect_args(self) -> dict[str, Any]:
        """Return the arguments of ``sqlite3.connect`` for connections that wait for locks."""

        def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
            connection = _WaitingConnection(*args, **kwargs)
            connection.lock_wait = self
            return connection

        # IMMEDIATE: only the begin of a transaction can find the database locked
        return {"factory": connect, "timeout": ATTEMPT_S, "isolation_level": "IMMEDIATE"}


class _WaitingConnection(sqlite3.Connection):
    lock_wait: LockWait

    def cursor(self, factory: Any = None) -> Any:
        return super().cursor(factory or _WaitingCursor)

    def commit(self) -> None:
        self.lock_wait.run(super().commit)


class _WaitingCursor(sqlite3.Cursor):
    connection: _WaitingConnection

    def execute(self, *arguments: Any) -> Any:
        run = super().execute
        return self.connection.lock_wait.run(lambda: run(*arguments))

    def executemany(self, *arguments: Any) -> Any:
        run = super().executemany
        return self.connection.lock_wait.run(lambda: run(*arguments))


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
