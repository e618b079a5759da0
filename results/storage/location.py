"""Where the ledger of a study is: in ``study.db`` in its folder, or in a PostgreSQL database.

``database.toml`` in the folder names the PostgreSQL database and the study in it. Its creation, replacement or
deletion moves a study, in one step. Several studies share a database, so their names there are unique.
"""

from __future__ import annotations

import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path

from results.storage.locking import is_read_only_wal
from results.storage.postgresql import checked_url
from results.storage.study_files import DATABASE, POINTER, sqlite_url, study_name
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError
from space.core.system_errors import explain_system_error

SQLITE = "sqlite"
"""The storage of a study in ``study.db``."""
_HEADER = "# Where the ledger of this study is. Written by mgnas; 'mgnas move' changes it.\n"


@dataclass(frozen=True)
class Location:
    """Where the ledger of one study is.

    Attributes:
        folder: The study's folder.
        study: The study's name in the tables of the ledger and of Optuna.
        server_url: The URL of a PostgreSQL database; None for ``study.db`` in the folder.
    """

    folder: Path
    study: str
    server_url: str | None = None

    @classmethod
    def new(cls, folder: Path, storage: str, name: str) -> Location:
        """Return the location of a study that is about to be created, or moved to another database."""
        if storage == SQLITE:
            return cls(folder, name)
        return cls(folder, f"{name}-{uuid.uuid4().hex[:12]}", checked_url(storage))

    @property
    def storage(self) -> str:
        """The value of ``search.storage``: ``sqlite``, or the URL."""
        return self.server_url or SQLITE

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database."""
        return self.server_url or sqlite_url(self.folder)

    @property
    def reading_url(self) -> str:
        """The URL for reading. A SQLite database on a read-only file system is opened without locks."""
        if self.server_url is None and is_read_only_wal(self.folder / DATABASE):
            return sqlite_url(self.folder, "immutable")
        return self.url

    @property
    def place(self) -> str:
        """The database in messages."""
        return self.server_url or str(self.folder / DATABASE)

    def record(self) -> None:
        """Make this the location of the study, in one step.

        Raises:
            OSError: A file cannot be written.
        """
        if self.server_url is None:
            (self.folder / POINTER).unlink(missing_ok=True)
            return
        import tomli_w

        write_atomic(
            self.folder / POINTER, _HEADER + tomli_w.dumps({"url": self.server_url, "study": self.study})
        )


def holds_study(folder: Path) -> bool:
    """Return whether a folder holds a study; the file that says so is the last one of its creation."""
    return (folder / DATABASE).is_file() or is_on_server(folder)


def is_on_server(folder: Path) -> bool:
    """Return whether the ledger of the study in ``folder`` is in PostgreSQL."""
    try:
        return (folder / POINTER).is_file()
    except OSError:  # such as a name that is too long
        return False


def locate(folder: Path) -> Location:
    """Return where the ledger of the study in ``folder`` is.

    Raises:
        InvalidInputError: ``study.toml`` or ``database.toml`` is missing or damaged.
    """
    path = folder / POINTER
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Location(folder, study_name(folder))
    except (OSError, UnicodeDecodeError) as error:
        reason = explain_system_error(error) if isinstance(error, OSError) else str(error)
        raise InvalidInputError(f"cannot read {path}: {reason}, or restore it from a copy") from None
    try:
        tables = tomllib.loads(text)
        return Location(folder, str(tables["study"]), checked_url(str(tables["url"])))
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from None
    except (ValueError, KeyError, RecursionError) as error:
        raise InvalidInputError(f"{path} is damaged ({error}); restore it from a copy") from None
