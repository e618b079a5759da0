"""The lease of a driver in PostgreSQL: only its holder may write the study.

One row of ``mgnas_leases`` is the lease of one study. The driver renews it from a thread. An expired lease may be
taken over; the clock of the database decides. Each take-over has a new ``token``. Each write transaction first
claims the lease: the statement checks the token, counts the write, and locks the row until the commit. A driver
that stood still and was replaced therefore cannot write any more. The count tells after a lost connection whether
the last write was committed.
"""

from __future__ import annotations

import os
import platform
import threading
import time
import uuid
from pathlib import Path
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError

from results.storage.errors import LeaseLostError, StudyBusyError
from results.storage.postgresql import away, explain_postgresql_error, lock_tables, make_engine, masked
from results.storage.schema import leases, metadata
from results.storage.waiting import current_wait

LEASE_S = 30.0
"""A driver that does not renew its lease for so long may be replaced."""
RENEWALS = 3
"""Renewals within the time of a lease."""
RETRY_S = 1.0
_NOW = sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float(53))
"""The clock of the database, in Unix seconds."""


class Holder(NamedTuple):
    """The driver that holds the lease of a study.

    Attributes:
        name: Its random identity.
        host: Its host.
        pid: Its process.
        machine: The running system and the process namespace on it.
        since_s: When it took the lease, as Unix time of its host.
        left_s: Seconds until the lease expires; 0 or less for an expired one.
    """

    name: str
    host: str
    pid: int
    machine: str
    since_s: float
    left_s: float

    @property
    def is_alive(self) -> bool:
        """Whether the lease is valid and its process, as far as it can be seen from here, exists."""
        return self.left_s > 0 and not (self.machine == this_machine() and not _exists(self.pid))

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class LeaseState(NamedTuple):
    """The row of a study: the mark of its last write, and the last holder."""

    token: int
    writes: int
    holder: Holder


def this_machine() -> str:
    """Return an identity of the running system and its process namespace; process ids are unique in it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{platform.node()} {uuid.getnode()}"


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def create_tables(engine: sa.Engine) -> None:
    """Create the missing tables of the ledger and of the leases; other drivers may do so at the same time."""
    with engine.begin() as connection:
        lock_tables(connection)
        metadata.create_all(connection)
        leases.create(connection, checkfirst=True)


def read_lease(connection: sa.Connection, study: str) -> LeaseState | None:
    """Return the lease of a study; None if it never had a driver."""
    query = sa.select(leases, (leases.c.expires_s - _NOW).label("left_s")).where(leases.c.study == study)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    holder = Holder(row.holder, row.host, row.pid, row.machine, row.since_s, row.left_s)
    return LeaseState(row.token, row.writes, holder)


def forget_lease(connection: sa.Connection, study: str) -> None:
    """Delete the lease of a study that is no longer in the database."""
    connection.execute(sa.delete(leases).where(leases.c.study == study))


class Lease:
    """The lease of this process on one study; ``acquire`` returns it.

    Args:
        url: The URL of the database.
        study: The study's name in the ledger.
    """

    def __init__(self, url: str, study: str) -> None:
        self.study = study
        self._place = masked(url)
        self._engine = make_engine(url)
        self._name = uuid.uuid4().hex
        self._token = 0
        self._writes = 0
        self._renewed_s = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="mgnas-lease", daemon=True)

    @classmethod
    def acquire(cls, url: str, study: str, *, is_new: bool = False) -> Lease:
        """Take the lease of a study and keep it until ``release``.

        Args:
            url: The URL of the database.
            study: The study's name in the ledger.
            is_new: Whether the study is about to be created; missing tables are created then.

        Raises:
            StudyBusyError: Another driver holds it.
            InvalidInputError: The database cannot be used.
        """
        lease = cls(url, study)

        def attempt() -> None:
            if is_new:
                create_tables(lease._engine)
            with lease._engine.begin() as connection:
                lease._take(connection)

        wait = None if is_new else current_wait()
        try:
            wait.run(attempt, away(lease._place)) if wait else attempt()
        except DBAPIError as error:
            lease._engine.dispose()
            raise explain_postgresql_error(error, lease._place) from error
        except BaseException:
            lease._engine.dispose()
            raise
        lease._thread.start()
        return lease

    def _take(self, connection: sa.Connection) -> None:
        before = read_lease(connection, self.study)
        gone = "" if before is None or before.holder.is_alive else before.holder.name
        mine = {
            "holder": self._name,
            "host": platform.node(),
            "pid": os.getpid(),
            "machine": this_machine(),
            "since_s": time.time(),
            "expires_s": _NOW + LEASE_S,
        }
        statement = (
            insert(leases)
            .values(study=self.study, token=1, writes=0, **mine)
            .on_conflict_do_update(
                index_elements=[leases.c.study],
                set_=mine | {"token": leases.c.token + 1},
                where=(leases.c.expires_s <= _NOW) | leases.c.holder.in_([self._name, gone]),
            )
            .returning(leases.c.token, leases.c.writes)
        )
        began_s = time.monotonic()
        row = connection.execute(statement).one_or_none()
        if row is None:
            found = read_lease(connection, self.study)
            assert found is not None, "a lease that conflicts exists"
            raise StudyBusyError(busy_text(found.holder))
        self._token, self._writes, self._renewed_s = row.token, row.writes, began_s

    def next_write(self) -> int:
        """Return the number of the next write transaction."""
        self._writes += 1
        return self._writes

    def claims(self, connection: sa.Connection, number: int) -> bool:
        """Lock the lease until the end of the transaction, and count its write.

        Returns:
            Whether the write is still to be made; False if an earlier attempt was committed after all.

        Raises:
            LeaseLostError: Another driver has taken over.
        """
        mine = (leases.c.study == self.study) & (leases.c.token == self._token)
        counted = sa.update(leases).where(mine & (leases.c.writes < number)).values(writes=number)
        if connection.execute(counted).rowcount == 1:
            return True
        found = connection.execute(sa.select(leases.c.writes).where(mine)).one_or_none()
        if found is None:
            raise self._lost()
        return False

    def check(self) -> None:
        """Check that the lease is valid, without the database if it was renewed in time.

        Raises:
            LeaseLostError: Another driver has taken over.
            DBAPIError: The database does not answer.
        """
        if time.monotonic() - self._renewed_s > LEASE_S * (1 - 1 / (2 * RENEWALS)):
            self._renew()

    def release(self) -> None:
        """End the lease, so that another driver may begin at once."""
        self._ended.set()
        self._thread.join()
        mine = (leases.c.study == self.study) & (leases.c.token == self._token)
        try:
            with self._engine.begin() as connection:
                connection.execute(sa.update(leases).where(mine).values(expires_s=0.0))
        except DBAPIError:
            pass  # the server is away: the lease expires
        finally:
            self._engine.dispose()

    def _keep(self) -> None:
        pause_s = LEASE_S / RENEWALS
        while not self._ended.wait(pause_s):
            try:
                self._renew()
                pause_s = LEASE_S / RENEWALS
            except LeaseLostError:
                return  # the next write reports it
            except DBAPIError:
                pause_s = min(RETRY_S, LEASE_S / RENEWALS)

    def _renew(self) -> None:
        began_s = time.monotonic()
        mine = (leases.c.study == self.study) & (leases.c.token == self._token)
        with self._engine.begin() as connection:
            renewed = connection.execute(sa.update(leases).where(mine).values(expires_s=_NOW + LEASE_S))
        if renewed.rowcount != 1:
            raise self._lost()
        self._renewed_s = began_s

    def _lost(self) -> LeaseLostError:
        return LeaseLostError(
            f"another driver has taken over this study, since this one stood still for over {LEASE_S:.0f} s; "
            "it trains again the epochs that this one has not recorded"
        )


def busy_text(holder: Holder) -> str:
    """Return who holds a lease, and how long it is still valid."""
    return f"{holder} is at work on the study; its lease is valid for another {max(1.0, holder.left_s):.0f} s"
