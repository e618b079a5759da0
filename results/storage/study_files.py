"""The files of a study's folder that results read, and the URL of a database in it."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from space.core.errors import InvalidInputError
from space.core.system_errors import explain_system_error

DATABASE = "study.db"
"""The SQLite database of a study; a study in PostgreSQL has ``POINTER`` instead."""
POINTER = "database.toml"
"""The file that names the PostgreSQL database of a study."""
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
    """Return the study's name, as ``study.toml`` gives it.

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
