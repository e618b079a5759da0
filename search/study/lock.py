"""The right to write a study: the lock of its folder, or a lease in PostgreSQL."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar

from results.storage.driver_lock import LOCK, is_folder_locked, is_locked, lease_holder
from results.storage.errors import DatabaseAwayError, StudyBusyError
from results.storage.lease import Lease
from results.storage.ledger import Ledger
from results.storage.location import SQLITE, Location, holds_study, is_on_server, locate
from results.storage.waiting import Wait
from space.core.errors import InvalidInputError
from space.core.system_errors import explain_system_error

Result = TypeVar("Result")
_SETTLE_S = 1.0
STANDBY_POLL_S = 1.0
"""How often a stand-by driver looks whether the study is free."""


@dataclass
class StudyLock:
    """The right of this process to write one study.

    Attributes:
        location: Where the ledger of the study is.
        lease: The lease on a study in PostgreSQL.
    """

    location: Location
    lease: Lease | None = None
    _file: TextIO | None = field(default=None, repr=False)

    def ledger(self, wait: Wait | None = None) -> Ledger:
        """Open the ledger for writing."""
        return Ledger(self.location.url, self.location.study, wait or Wait(), self.lease)

    def release_folder(self) -> None:
        """Release the lock of the folder of a new study; from now on the lease alone decides."""
        if self._file is not None and self.lease is not None:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_UN)


@contextmanager
def study_locked(folder: Path, option: str, storage: str, name: str) -> Iterator[StudyLock]:
    """Hold the right to write the study in ``folder``.

    A study in PostgreSQL is protected by a lease, wherever its drivers run; only its creation locks the folder.

    Args:
        folder: The folder. It is created if necessary.
        option: The option of the command line that names the folder, for error messages.
        storage: ``search.storage`` of a study that is about to be created.
        name: The name of such a study.

    Raises:
        StudyBusyError: Another driver is at work.
        InvalidInputError: The folder cannot be created, or the database cannot be used.
    """
    if is_on_server(folder):
        with _leased(locate(folder), folder) as lock:
            yield lock
        return
    with _folder_locked(folder, option) as file, ExitStack() as held:
        if is_on_server(folder):  # made by a driver that has just released the lock
            yield held.enter_context(_leased(locate(folder), folder))
        elif holds_study(folder):
            yield StudyLock(locate(folder), None, file)
        elif storage == SQLITE:
            yield StudyLock(Location(folder, name), None, file)
        else:
            lock = held.enter_context(_leased(Location.new(folder, storage, name), folder, is_new=True))
            lock._file = file
            yield lock


@contextmanager
def _leased(location: Location, folder: Path, *, is_new: bool = False) -> Iterator[StudyLock]:
    assert location.server_url is not None
    try:
        lease = Lease.acquire(location.server_url, location.study, is_new=is_new)
    except StudyBusyError as error:
        raise StudyBusyError(f"{folder}: {error}; wait for it ('mgnas search --standby' does so)") from None
    try:
        yield StudyLock(location, lease)
    finally:
        lease.release()


@contextmanager
def _folder_locked(folder: Path, option: str) -> Iterator[TextIO]:
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(
            f"cannot write to {folder}: {explain_system_error(error)} ({option} names another folder)"
        ) from None
    with file:
        _acquire(file.fileno(), busy_text(folder, option))
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        try:
            yield file
        except InvalidInputError:  # no study was created: leave no folder
            if is_new and [entry.name for entry in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                folder.rmdir()
            raise


def _acquire(descriptor: int, busy: str) -> None:
    deadline = time.monotonic() + _SETTLE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise StudyBusyError(busy) from None
            time.sleep(0.05)


def busy_text(folder: Path, option: str) -> str:
    """Return who is at work in a folder, and what to do."""
    who = "another mgnas"
    if not is_folder_locked(folder) and is_on_server(folder) and (holder := lease_holder(folder)):
        who = f"another mgnas ({holder})"
    return f"{who} is at work in {folder}; wait for it, or choose another {option}"


def after_other_drivers(folder: Path, note: Callable[[str], None], run: Callable[[], Result]) -> Result:
    """Wait until no other driver is at work on a study, and return what ``run`` returns.

    Args:
        folder: The study's folder.
        note: Receives a message when a wait begins and ends.
        run: The run of this driver. It is repeated when another driver that waited was faster.
    """
    while True:
        stand_by(folder, note)
        try:
            return run()
        except StudyBusyError:
            continue


def stand_by(folder: Path, note: Callable[[str], None]) -> None:
    """Wait until no driver is at work on the study in ``folder``.

    Args:
        folder: The study's folder, which may not exist yet.
        note: Called once with a message if there is a wait, and at its end.
    """
    is_told = False
    while True:
        try:
            if not is_locked(folder):
                break
        except DatabaseAwayError:
            pass  # the driver may still be at work
        if not is_told:
            is_told = True
            note(
                f"standing by: {busy_text(folder, '--dir').partition(';')[0]}; this driver takes over at its end"
            )
        time.sleep(STANDBY_POLL_S)
    if is_told:
        note(f"no driver is at work in {folder} any more; taking over")
