"""The store of a study and Optuna's mirror in a real PostgreSQL server, without trainings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from results.loopback import served
from results.open import open_study
from results.storage.errors import StudyBusyError
from results.storage.location import locate
from results.storage.waiting import Wait
from search.study.components import make_ask_tell
from search.study.dashboard import dashboard
from search.study.folder import StudyFolder
from search.study.lock import StudyLock, stand_by
from search.study.optuna_mirror import close_storage, optuna_storage
from search.study.store import StudyStore
from search.study.trials import Outcome
from space.config import SpaceConfig
from space.core.reports import EpochReport
from space.search_space import SearchSpace
from tests.search.study.test_dashboard import get
from tests.support.factories import make_header
from tests.support.postgres import PostgresServer

SPACE = SearchSpace(SpaceConfig.model_validate({"c_u": [2, 3, 4], "levels": [1, 2]}), in_channels=1)


@pytest.fixture
def lock(tmp_path: Path, postgres_url: str) -> Iterator[StudyLock]:
    folder = tmp_path / "study"
    with StudyFolder(folder).locked(postgres_url, "test") as lock:
        (folder / "study.toml").write_text('name = "test"\n', encoding="utf-8")
        yield lock


@pytest.fixture
def store(lock: StudyLock) -> Iterator[StudyStore]:
    with closing(StudyStore.create(lock.location.folder, make_header(), SPACE, lock)) as store:
        yield store


def train(store: StudyStore, number: int) -> None:
    proposal = make_ask_tell("random", SPACE, seed=number).ask(number)
    assert proposal is not None
    store.start(proposal, seed=number, max_epochs=1, clock_s=0.0)
    store.report(number, EpochReport(1, 0.5, 0.5, 0.75, 0.1), clock_s=1.0)
    store.finish(number, 0.75, Outcome(1.0), weights="w", clock_s=2.0)


def mirrored(store: StudyStore) -> list[Any]:
    storage = optuna_storage(store.location, is_read_only=True)
    try:
        number = storage.get_study_id_from_name(store.location.study)
        return [(trial.user_attrs["trial"], trial.state.name) for trial in storage.get_all_trials(number)]
    finally:
        close_storage(storage)


def test_mirror_follows_the_ledger(store: StudyStore) -> None:
    train(store, 0)
    train(store, 1)
    assert mirrored(store) == [(0, "COMPLETE"), (1, "COMPLETE")]
    assert open_study(store.folder).records == list(store.records.values())


def test_lost_connections_leave_one_trial_of_each(store: StudyStore, postgres: PostgresServer) -> None:
    for number in range(3):
        postgres.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'mgnas'"
        )
        train(store, number)
    assert mirrored(store) == [(number, "COMPLETE") for number in range(3)]
    assert [one.kind for one in store.ledger.timeline()] == ["start"] * 3 + ["report"] * 3 + ["finish"] * 3


def test_new_study_is_locked_by_its_lease_alone(store: StudyStore) -> None:
    """A lock of the folder would outlast the lease of a driver that stands still."""
    from results.storage.driver_lock import is_folder_locked, is_locked

    assert is_locked(store.folder)
    assert not is_folder_locked(store.folder)
    with pytest.raises(StudyBusyError, match=r"another mgnas \(process .* is at work"):
        StudyFolder(store.folder).check()


def test_study_is_locked_by_its_folder_until_it_is_created(lock: StudyLock) -> None:
    with pytest.raises(StudyBusyError, match="another mgnas is at work"):
        StudyFolder(lock.location.folder).check()


def test_standby_does_not_wait_without_a_driver(tmp_path: Path) -> None:
    told: list[str] = []
    stand_by(tmp_path / "none", told.append)
    assert told == []


def test_dashboard_shows_the_study_itself_and_cannot_change_it(store: StudyStore) -> None:
    with dashboard(store.folder) as (app, number), served(app, 0) as address:
        train(store, 0)
        found = get(f"{address}/api/studies/{number}")
    assert found["objective_names"] == ["validation accuracy", "parameters"]
    assert [trial["state"] for trial in found["trials"]] == ["Complete"]
    storage = optuna_storage(locate(store.folder), is_read_only=True)
    try:
        with pytest.raises(optuna.exceptions.StorageInternalError) as caught:
            storage.set_study_user_attr(number, "key", "value")
        assert "read-only" in str(caught.value.__cause__)
    finally:
        close_storage(storage)


def test_interrupted_store_does_not_wait(store: StudyStore, postgres: PostgresServer) -> None:
    from results.storage.errors import DatabaseAwayError

    assert isinstance(store.wait, Wait)
    store.wait.limit_s = 0.0
    postgres.stop()
    try:
        with pytest.raises(DatabaseAwayError):
            store.ledger.write_event("interrupt", 1.0)
    finally:
        postgres.start()
