"""The files of a study's folder that results read, and the URL of its database."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from results.storage.ledger import Ledger
from results.storage.locking import is_read_only_wal
from space.core.errors import InvalidInputError
from space.core.system_errors import explain_system_error

DATABASE = "study.db"
CONFIG = "study.toml"
REPORT = "report.html"


def sqlite_url(folder: Path, mode: Literal["rw", "rwc", "immutable"] = "rw", file: str = DATABASE) -> str:
    """Return the SQLAlchemy URL of a database in a study's folder.

    Args:
        folder: The study's folder.
        mode: ``rw`` opens an existing database, ``rwc`` also creates it, ``immutable`` reads it without locks.
        file: The database's file name.
    """
    from sqlalchemy import URL

    query = {"mode": "ro", "immutable": "1"} if mode == "immutable" else {"mode": mode}
    path = quote(os.fsencode((folder / file).absolute()))
    url = URL.create("sqlite", database=f"file:{path}", query=query | {"uri": "true"})
    return url.render_as_string()


def study_name(folder: Path) -> str:
    """Return the study's name in the ledger, as ``study.toml`` gives it.

    Raises:
        InvalidInputError: ``study.toml`` is missing or damaged.
    """
    path = folder / CONFIG
    try:
        name = tomllib.loads(path.read_text(encoding="utf-8-sig"))["name"]
    except OSError as error:
        raise InvalidInputError(
            f"cannot read {path}: {explain_system_error(error)}, or restore it from a copy"
        ) from None
    except (ValueError, KeyError, RecursionError) as error:
        raise InvalidInputError(f"{path} is damaged ({error}); restore it from a copy") from None
    return str(name)


def ledger_mark(folder: Path) -> tuple[tuple[int, int], ...]:
    """Return a mark that changes with every write to the ledger: times and sizes of its files.

    Raises:
        InvalidInputError: There is no ``study.db``.
    """
    marks = []
    for name in (DATABASE, f"{DATABASE}-wal"):
        try:
            found = (folder / name).stat()
        except OSError:
            if name == DATABASE:
                raise InvalidInputError(
                    f"{folder} no longer holds the study; it was moved or deleted"
                ) from None
            continue
        marks.append((found.st_mtime_ns, found.st_size))
    return tuple(marks)


@contextmanager
def reading_ledger(folder: Path) -> Iterator[Ledger]:
    """Open the ledger of the study in ``folder`` for reading, and close it afterwards.

    A database on a read-only file system is opened without locks.

    Raises:
        InvalidInputError: ``study.toml`` or ``study.db`` is missing or damaged.
    """
    mode: Literal["rw", "immutable"] = "immutable" if is_read_only_wal(folder / DATABASE) else "rw"
    ledger = Ledger(sqlite_url(folder, mode), study=study_name(folder))
    try:
        yield ledger
    finally:
        ledger.close()
