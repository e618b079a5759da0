"""Leases in a real PostgreSQL database: one driver writes, each write is made once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from results.storage import lease as lease_module
from results.storage.database import Database
from results.storage.errors import DatabaseAwayError, LeaseLostError, StudyBusyError
from results.storage.lease import Lease
from results.storage.ledger import Ledger
from results.storage.location import Location
from results.storage.reading import lease_of
from results.storage.waiting import Wait
from tests.support.factories import make_header, make_trial
from tests.support.postgres import PostgresServer, leased
from tests.support.waiting import MOST_S, wait_until


@pytest.fixture
def location(tmp_path: Path, postgres_url: str) -> Location:
    return Location.new(tmp_path, postgres_url, "test")


@pytest.fixture
def lease(location: Location) -> Iterator[Lease]:
    with leased(location, is_new=True) as lease:
        yield lease


@pytest.fixture
def ledger(location: Location, lease: Lease) -> Iterator[Ledger]:
    Ledger.create(location.url, make_header(), location.study, lease).close()
    with closing(Ledger(location.url, location.study, Wait(), lease)) as ledger:
        yield ledger


def expire(location: Location) -> None:
    with closing(Database(location.url)) as database:
        expired = sa.update(lease_module.leases).values(expires_s=1.0)
        database.write(lambda connection: connection.execute(expired))


def test_second_driver_is_refused_with_the_holder(location: Location, lease: Lease) -> None:
    with pytest.raises(StudyBusyError, match=f"process {os.getpid()} on .* is at work .* valid for another"):
        Lease.acquire(location.url, location.study)


def test_released_lease_is_free(location: Location) -> None:
    tokens = []
    for number in range(2):
        with leased(location, is_new=number == 0):
            held = lease_of(location)
            assert held is not None
            assert held.holder.left_s > 0
            tokens.append(held.token)
        released = lease_of(location)
        assert released is not None
        assert released.holder.left_s <= 0
    assert tokens == [1, 2]


def test_lease_of_a_dead_process_of_this_machine_is_free(location: Location) -> None:
    code = (
        "import os, sys; from results.storage.lease import Lease; "
        "Lease.acquire(sys.argv[1], sys.argv[2], is_new=True); os._exit(9)"
    )
    subprocess.run(
        [sys.executable, "-P", "-c", code, location.url, location.study], check=False, timeout=MOST_S
    )
    with leased(location):
        pass


def test_lease_of_another_machine_is_free_only_when_it_expires(
    location: Location, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_module, "this_machine", lambda: "another machine")
    with pytest.raises(StudyBusyError):
        Lease.acquire(location.url, location.study)
    expire(location)
    with leased(location):
        pass


def test_lease_is_renewed(location: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_module, "LEASE_S", 60.0)
    monkeypatch.setattr(lease_module, "RENEWALS", 600)  # one each 0.1 s

    def expires_s() -> float:
        with closing(Database(location.url)) as database:
            found: float = database.read(
                lambda connection: connection.execute(sa.select(lease_module.leases.c.expires_s)).scalar_one()
            )
        return found

    with leased(location, is_new=True):
        first_s = expires_s()
        wait_until(lambda: expires_s() > first_s, "a renewal")
        with pytest.raises(StudyBusyError):
            Lease.acquire(location.url, location.study)


def test_driver_that_was_replaced_writes_nothing(location: Location, ledger: Ledger) -> None:
    ledger.write_trial(make_trial(0), event="finish", clock_s=1.0)
    expire(location)
    with leased(location) as other, closing(Ledger(location.url, location.study, lease=other)) as new:
        with pytest.raises(LeaseLostError, match="another driver has taken over"):
            ledger.write_trial(make_trial(1), event="finish", clock_s=2.0)
        new.write_trial(make_trial(2), event="finish", clock_s=3.0)
        assert [trial.number for trial in new.trials()] == [0, 2]


def test_expired_lease_that_nobody_took_over_is_still_good(location: Location, ledger: Ledger) -> None:
    expire(location)
    ledger.write_trial(make_trial(0), event="finish", clock_s=1.0)
    assert len(ledger.trials()) == 1


def test_transaction_of_a_driver_that_stands_still_does_not_block_its_successor(
    location: Location, ledger: Ledger, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("results.storage.postgresql.IDLE_IN_TRANSACTION_S", 1)
    engine = lease_module.make_engine(location.url)
    with engine.connect() as stopped:
        assert lease.claims(stopped, lease.next_write())
        with pytest.raises(StudyBusyError):
            Lease.acquire(location.url, location.study)
        expire(location)  # the server has ended the transaction meanwhile
        with leased(location), pytest.raises(sa.exc.DBAPIError):
            stopped.execute(sa.text("select 1"))
        stopped.invalidate()
    engine.dispose()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_write_at_a_lost_connection_is_made_once(
    location: Location, ledger: Ledger, postgres: PostgresServer, moment: str
) -> None:
    """The server ends the connection before the commit, or after it and before the client knows."""
    lose = _lose_connection(ledger, postgres, moment)
    for number in range(2):
        ledger.write_trial(make_trial(number), event="finish", clock_s=1.0)
    assert lose() == 1
    assert [trial.number for trial in ledger.trials()] == [0, 1]
    assert [one.trial for one in ledger.timeline()] == [0, 1]


def _lose_connection(ledger: Ledger, postgres: PostgresServer, moment: str) -> Callable[[], int]:
    """End the connection at its next commit; return a function that counts how often that happened."""
    engine, lost = ledger.database._engine, []

    def end(connection: sa.Connection) -> None:
        if not lost:
            raw = connection.connection.dbapi_connection
            lost.append(raw.info.backend_pid)
            if moment == "after":
                raw.commit()
            postgres.execute(f"select pg_terminate_backend({lost[0]})")
            time.sleep(0.1)

    sa.event.listen(engine, "commit", end)
    return lambda: len(lost)


def test_epoch_at_a_lost_connection_is_no_repeated_epoch(ledger: Ledger, postgres: PostgresServer) -> None:
    from space.core.reports import EpochReport

    ledger.write_trial(make_trial(0, state="running", epochs=0), event="start", clock_s=0.0)
    lose = _lose_connection(ledger, postgres, "after")
    ledger.write_report(0, EpochReport(1, 1.0, 1.0, 0.5, 0.1), clock_s=1.0)
    assert lose() == 1
    assert [one.kind for one in ledger.timeline()] == ["start", "report"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_write_waits_for_a_server_that_restarts(
    ledger: Ledger, postgres: PostgresServer, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("results.storage.waiting.TELL_AFTER_S", 0.2)
    told: list[str] = []
    ledger.database._wait = Wait(tell=told.append)
    ledger.write_trial(make_trial(0), event="finish", clock_s=1.0)
    postgres.stop(mode)
    restart = threading.Timer(1.5, postgres.start)
    restart.start()
    ledger.write_trial(make_trial(1), event="finish", clock_s=2.0)
    restart.join()
    assert [trial.number for trial in ledger.trials()] == [0, 1]
    assert "does not answer; waiting for at most 300 s" in told[0]
    assert told[1:] == ["the study's database answers again"]


@pytest.mark.slow
def test_wait_for_a_server_ends_at_its_limit_and_at_a_signal(
    ledger: Ledger, postgres: PostgresServer
) -> None:
    class InterruptedWaitError(Exception):
        pass

    def interrupt() -> None:
        raise InterruptedWaitError

    postgres.stop()
    try:
        ledger.database._wait = Wait(limit_s=0.0)
        with pytest.raises(DatabaseAwayError, match="does not answer"):
            ledger.write_event("begin", 1.0)
        ledger.database._wait = Wait(between=interrupt)
        with pytest.raises(InterruptedWaitError):
            ledger.write_event("begin", 1.0)
    finally:
        postgres.start()
    ledger.write_event("begin", 1.0)
    assert len(ledger.timeline()) == 1
