"""PostgreSQL as a study's database: its URL, its connections, and its errors."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from results.storage.errors import DatabaseAwayError, StorageFullError, cause_of
from results.storage.json_text import from_json, to_json
from results.storage.waiting import Obstacle
from space.core.errors import InvalidInputError, MgnasError, shown

SCHEME = "postgresql+psycopg"
SCHEMES = (SCHEME, "postgresql", "postgres")
EXAMPLE = f"{SCHEME}://HOST/DATABASE"
INSTALL = "pip install 'mgnas[postgres]'"
CONNECT_S = 5
"""How long one attempt to connect may take."""
IDLE_IN_TRANSACTION_S = 10
"""After this time the server ends the transaction of a client that stands still, and so frees its locks."""
KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A connection whose other end vanished is an error after about 25 s, instead of minutes."""
_TABLES_LOCK = 0x6D676E6173
"""The advisory lock under which tables are created."""
_SECRET = re.compile(r"(password|passwd|secret|token)(\s*=\s*)[^&\s]*", re.IGNORECASE)
_AWAY = {"57P01", "57P02", "57P03", "57P05", "25P03", "53300", "40001", "40P01"}
"""SQLSTATE of shutdown, crash, start-up, idle time-outs, too many connections, and conflicts."""
_REFUSED = (
    "does not exist",
    "password",
    "authentication",
    "pg_hba.conf",
    "permission denied",
    "no encryption",
    "certificate",
    "definition of service",
    "service file",
    "invalid",
)
"""Words in errors of a connection that a later attempt would meet again."""


def masked(url: str) -> str:
    """Return a URL or a message without passwords."""
    url = re.sub(r"://([^:/@\s]*):(\S+)@", r"://\1:***@", url)
    return _SECRET.sub(r"\1\2***", url)


def checked_url(url: str) -> str:
    """Return the canonical URL of a PostgreSQL database, ``postgresql+psycopg://...``.

    Raises:
        InvalidInputError: The text is no such URL, or it holds a password.

    Example:
        >>> checked_url("postgresql://ada@db.example/studies")
        'postgresql+psycopg://ada@db.example/studies'
    """
    place = shown(masked(url))
    scheme, separator, _ = url.partition("://")
    if scheme not in SCHEMES or not separator or not url.isprintable() or " " in url:
        raise InvalidInputError(f"the storage must be 'sqlite' or {EXAMPLE}, but got {place}")
    try:
        parsed = sa.make_url(url)
    except (ValueError, ArgumentError):
        raise InvalidInputError(f"the storage must be 'sqlite' or {EXAMPLE}, but got {place}") from None
    if parsed.password or _SECRET.search(unquote(url)):
        raise InvalidInputError(
            f"the URL of a database must have no password, since mgnas records it, but got {place}; give the "
            "password in ~/.pgpass, in PGPASSWORD, or by a service (?service=NAME)"
        )
    user_and_host, slash, rest = url.partition("://")[2].partition("/")
    return f"{SCHEME}://{user_and_host.replace(':@', '@')}{slash}{rest}"


def make_engine(url: str) -> sa.Engine:
    """Return the engine of a PostgreSQL database with few connections, which end when the server is away.

    Raises:
        InvalidInputError: psycopg is missing.
    """
    try:
        return sa.create_engine(url, **engine_options(url))
    except ModuleNotFoundError as error:
        raise InvalidInputError(f"a study in PostgreSQL needs {error.name}: {INSTALL}") from None


def engine_options(url: str, *, is_read_only: bool = False) -> dict[str, Any]:
    """Return the options of ``sqlalchemy.create_engine`` for a PostgreSQL database."""
    given = sa.make_url(url).query
    arguments = {"connect_timeout": CONNECT_S, "application_name": "mgnas", **KEEPALIVE}
    session = [f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_S}s"]
    session += ["-c synchronous_commit=on"]  # a server that crashes must not forget what the driver knows
    session += ["-c default_transaction_read_only=on"] * is_read_only
    options = {"options": " ".join([str(given.get("options", "")), *session]).strip()}
    return {
        "connect_args": {key: value for key, value in arguments.items() if key not in given} | options,
        "pool_size": 2,
        "json_serializer": to_json,
        "json_deserializer": from_json,
    }


def lock_tables(connection: sa.Connection) -> None:
    """Let no other program create tables until the end of the transaction, which may be idle meanwhile."""
    connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TABLES_LOCK)))


def is_away(error: BaseException | None) -> bool:
    """Return whether an error says that the server is away or restarts, so that a later attempt may succeed."""
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _AWAY or state.startswith("08")
    if type(error.orig).__name__ not in ("OperationalError", "InterfaceError", "ConnectionTimeout"):
        return False
    return error.connection_invalidated or not any(word in str(error.orig) for word in _REFUSED)


def away(place: str) -> Obstacle:
    """Return what a program waits for while the server at ``place`` is away."""
    return Obstacle(
        is_away,
        began=f"the study's database {place} does not answer",
        ended="the study's database answers again",
        pause_s=0.5,
    )


def explain_postgresql_error(error: BaseException, place: str) -> MgnasError:
    """Return an error of PostgreSQL as one line with the cause and what to do."""
    cause = masked(cause_of(error))
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    if state == "53100" or "No space left" in cause:
        return StorageFullError(
            f"cannot write to {place} ({cause}): free some space on the server, then run the same command "
            "again; what was recorded is kept"
        )
    if is_away(error):
        return DatabaseAwayError(
            f"the study's database {place} does not answer ({cause}); start its server or check the network, "
            "then run the same command again: what was recorded is kept"
        )
    return InvalidInputError(f"cannot use {place} ({cause}); {_advice(state, cause)}")


def _advice(state: str | None, cause: str) -> str:
    if state == "42P01":
        return "the database holds no study of mgnas; check the name of the database"
    if state == "42501" or "permission denied" in cause:
        return "its owner must grant this user the rights to read, write and create tables"
    if state == "25006":
        return "name the server that accepts writes"
    if "password" in cause or "authentication" in cause or "pg_hba" in cause:
        return "give the user in the URL, and the password in ~/.pgpass, in PGPASSWORD, or by a service"
    if "does not exist" in cause:
        return "create it (createdb, createuser), or correct the URL"
    return "check search.storage and the server"
