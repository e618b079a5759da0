"""Transactions in the database of a study; SQLite or PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import unquote_to_bytes

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, IntegrityError, SQLAlchemyError

from results.storage.errors import explain_database_error
from results.storage.json_text import from_json, to_json
from results.storage.lease import Lease
from results.storage.locking import connect_args
from results.storage.postgresql import away, explain_postgresql_error, make_engine, masked
from results.storage.waiting import Wait, current_wait
from space.core.errors import MgnasError

Result = TypeVar("Result")
Query = Callable[[sa.Connection], Result]


class Database:
    """The database of one study.

    Args:
        url: The SQLAlchemy URL.
        wait: How to wait for locks of SQLite, and for a server that is away; by default as the command does.
        lease: The lease of this driver. Each write needs it in PostgreSQL.

    Raises:
        InvalidInputError: The database cannot be used, or psycopg is missing.
    """

    def __init__(self, url: str, wait: Wait | None = None, lease: Lease | None = None) -> None:
        self.is_server = not url.startswith("sqlite")
        self._wait = wait or current_wait()
        self._lease = lease
        if self.is_server:
            self._engine = make_engine(url)
            self.place = masked(url)
        else:
            self._engine = sa.create_engine(
                url,
                connect_args=connect_args(wait) if wait else {},
                json_serializer=to_json,
                json_deserializer=from_json,
            )
            path = str(self._engine.url.database).removeprefix("file:").partition("?")[0]
            self.place = os.fsdecode(unquote_to_bytes(path))

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def read(self, query: Query[Result]) -> Result:
        """Return what ``query`` reads; it may be called again after a lost connection.

        Raises:
            InvalidInputError: The database cannot be read, or a value in it is damaged.
        """

        def attempt() -> Result:
            with self._engine.connect() as connection:
                return query(connection)

        try:
            return self._patiently(attempt)
        except MgnasError:
            raise
        except (SQLAlchemyError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise self.explained(error) from error

    def write(self, change: Query[object]) -> None:
        """Make a change in one transaction, exactly once, also if the connection is lost meanwhile.

        Raises:
            InvalidInputError: The database cannot be written.
            StorageFullError: The disk is full.
            LeaseLostError: Another driver has taken over the study.
        """
        lease = self._lease
        number = lease.next_write() if lease else 0

        def attempt() -> None:
            with self._engine.begin() as connection:
                if lease is None or lease.claims(connection, number):
                    change(connection)

        try:
            self._patiently(attempt)
        except IntegrityError:
            raise  # an invalid record is our mistake, not damage
        except DatabaseError as error:
            raise self.explained(error) from error

    def explained(self, error: BaseException) -> MgnasError:
        """Return an error of this database as one line."""
        if self.is_server and isinstance(error, SQLAlchemyError):
            return explain_postgresql_error(error, self.place)
        return explain_database_error(error, self.place)

    def _patiently(self, attempt: Callable[[], Result]) -> Result:
        if not self.is_server or self._wait is None:
            return attempt()
        return self._wait.run(attempt, away(self.place))
