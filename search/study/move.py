"""Moving a study between databases: copy all rows, compare them, then switch in one step.

A study that was stopped half-way moves too. Until the switch, the old database is the study's; a move that was
killed leaves the study as it was. The certifications in the study's folder move with it, each in a step of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from results.storage import schema
from results.storage.database import Database
from results.storage.lease import Lease, forget_lease
from results.storage.ledger_reader import LedgerReader
from results.storage.location import SQLITE, Location, holds_study
from results.storage.postgresql import checked_url
from results.storage.study_files import DATABASE, sqlite_url
from search.samplers.quiet import quiet_optuna
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from search.study.lock import StudyLock
from search.study.optuna_mirror import close_storage, optuna_storage
from space.core.errors import InvalidInputError

PART = f".{DATABASE}.part"
_BATCH = 1000
"""Rows that are copied at once."""
_NOWHERE = Location(Path(), "")


class Move(NamedTuple):
    """One study that moved.

    Attributes:
        folder: The study's folder.
        place: The database where it is now.
        num_rows: The number of copied rows of the ledger.
    """

    folder: Path
    place: str
    num_rows: int


def move_study(folder: str | Path, storage: str, note: Callable[[str], None]) -> list[Move]:
    """Move the study in a folder, and its certifications, to another database.

    Args:
        folder: The study's folder.
        storage: ``sqlite``, or the URL of a PostgreSQL database.
        note: Receives one line for each study.

    Returns:
        The studies that moved.

    Raises:
        StudyBusyError: A driver is at work on the study.
        InvalidInputError: There is no study, the URL is refused, or a database cannot be used.
    """
    folder = Path(folder)
    if not holds_study(folder):
        raise InvalidInputError(f"{folder} holds no study; name the folder of a study")
    storage = storage if storage == SQLITE else checked_url(storage)
    moved = []
    for place in [
        folder,
        *sorted(child for child in folder.iterdir() if child.is_dir() and holds_study(child)),
    ]:
        with StudyFolder(place).locked() as lock:
            if lock.location.storage == storage:
                note(f"{place}: the study is in {lock.location.place} already")
                continue
            moved.append(_move(lock, storage))
        note(f"{place}: {moved[-1].num_rows:,} rows moved to {moved[-1].place}")
    return moved


def _move(lock: StudyLock, storage: str) -> Move:
    old = lock.location
    with closing(LedgerReader(old.url, old.study)) as ledger:
        ledger.check()
        header = ledger.header()
    new = Location.new(old.folder, storage, header.name)
    (new.folder / PART).unlink(missing_ok=True)
    with _right_to_write(new) as lease:
        num_rows = _copy_ledger(old, new, lease)
        _copy_mirror(old, new)
        if new.server_url is None:
            (new.folder / PART).rename(new.folder / DATABASE)
        new.record()  # the switch
        _write_config(new)
    _forget(old)
    return Move(new.folder, new.place, num_rows)


@contextmanager
def _right_to_write(new: Location) -> Iterator[Lease | None]:
    if new.server_url is None:
        yield None
        return
    lease = Lease.acquire(new.server_url, new.study, is_new=True)
    try:
        yield lease
    finally:
        lease.release()


def _new_url(new: Location) -> str:
    return new.server_url or sqlite_url(new.folder, "rwc", PART)


def _copy_ledger(old: Location, new: Location, lease: Lease | None) -> int:
    """Copy all rows in one transaction and compare them; return their number.

    Raises:
        InvalidInputError: The copy differs.
    """
    with (
        closing(Database(old.url)) as source,
        closing(Database(_new_url(new), lease=lease)) as target,
    ):
        rows = {table: _read(source, table, old.study) for table in schema.ledger_tables}

        def copy(connection: sa.Connection) -> None:
            schema.metadata.create_all(connection)
            for table, found in rows.items():
                copied = [_moved(row, new) for row in found]
                for first in range(0, len(copied), _BATCH):
                    connection.execute(sa.insert(table), copied[first : first + _BATCH])

        target.write(copy)
        for table, found in rows.items():
            copied = _read(target, table, new.study)
            if [_content(row) for row in found] != [_content(row) for row in copied]:
                raise InvalidInputError(
                    f"the copy of {table.name} in {new.place} differs from {old.place}; the study stays in "
                    f"{old.place}. Check the new database, then move again"
                )
    return sum(map(len, rows.values()))


def _read(database: Database, table: sa.Table, study: str) -> list[dict[str, Any]]:
    """Return the rows of a study in a table, without the counter of the database."""
    key = [column for column in table.primary_key.columns if column.name != "study"]
    query = sa.select(table).where(table.c.study == study).order_by(*key)

    def read(connection: sa.Connection) -> list[dict[str, Any]]:
        rows = connection.execute(query).mappings()
        return [{name: value for name, value in row.items() if name != "seq"} for row in rows]

    return database.read(read)


def _moved(row: dict[str, Any], new: Location) -> dict[str, Any]:
    """Return a row as it is in the new database."""
    row = row | {"study": new.study}
    if "header" in row:
        config = row["header"]["config"]
        config = config | {"search": config["search"] | {"storage": new.storage}}
        row["header"] = row["header"] | {"config": config}
    return row


def _content(row: dict[str, Any]) -> str:
    """Return a row as text that does not depend on its database; NaN equals NaN."""
    return json.dumps(_moved(row, _NOWHERE), default=repr)


def _copy_mirror(old: Location, new: Location) -> None:
    """Copy Optuna's study with all its trials, also those of users; without one, the next search writes it."""
    import optuna

    with quiet_optuna(), ExitStack() as opened:
        source = optuna_storage(old)
        opened.callback(close_storage, source)
        target = optuna_storage(new) if new.server_url else optuna.storages.RDBStorage(_new_url(new))
        opened.callback(close_storage, target)
        with suppress(KeyError):
            optuna.copy_study(
                from_study_name=old.study, from_storage=source, to_storage=target, to_study_name=new.study
            )


def _write_config(new: Location) -> None:
    """Write the new database into ``study.toml``."""
    folder = StudyFolder(new.folder)
    with closing(LedgerReader(new.url, new.study)) as ledger:
        header = ledger.header()
    config = StudyConfig.parse(folder.recorded_tables(header), "study.toml", new.folder)
    folder.write_config(config)


def _forget(old: Location) -> None:
    """Delete a study from its former database."""
    import optuna

    if old.server_url is None:
        for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
            (old.folder / name).unlink(missing_ok=True)
        return
    with quiet_optuna():
        storage = optuna_storage(old)
        try:
            with suppress(KeyError):
                optuna.delete_study(study_name=old.study, storage=storage)
        finally:
            close_storage(storage)
    with closing(Database(old.server_url)) as database:

        def forget(connection: sa.Connection) -> None:
            for table in schema.ledger_tables:
                connection.execute(sa.delete(table).where(table.c.study == old.study))
            forget_lease(connection, old.study)

        database.write(forget)
