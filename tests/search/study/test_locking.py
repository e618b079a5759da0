"""Other programs that read or write the database of a running study, with real locks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from results.open import open_study
from results.storage.locking import file_system_of, let_readers_be
from search.study.components import make_ask_tell
from search.study.store import StudyStore
from search.study.trials import Outcome
from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from space.search_space import SearchSpace
from tests.support.factories import make_header

SPACE = SearchSpace(SpaceConfig.model_validate({"c_u": [2, 3, 4], "levels": [1, 2]}), in_channels=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "study.toml").write_text('name = "test"\n', encoding="utf-8")
    return tmp_path


@pytest.fixture
def other(folder: Path) -> Iterator[sqlite3.Connection]:
    """Another program's connection; it holds its transaction until it commits."""
    StudyStore.create(folder, make_header(), SPACE).close()
    with closing(sqlite3.connect(folder / "study.db", isolation_level=None)) as connection:
        yield connection


def read(other: sqlite3.Connection) -> None:
    other.execute("begin")
    other.execute("select count(*) from trials").fetchone()


def train_a_trial(store: StudyStore) -> None:
    """Change the ledger and Optuna's study in every way."""
    proposal = make_ask_tell("random", SPACE, seed=0).ask(0)
    assert proposal is not None
    store.start(proposal, seed=0, max_epochs=1, clock_s=0.0)
    store.report(0, EpochReport(1, 0.5, 0.5, 0.75, 0.1), clock_s=1.0)
    store.finish(0, 0.75, Outcome(1.0), weights="w", clock_s=2.0)


def test_a_reader_does_not_disturb_the_search(folder: Path, other: sqlite3.Connection) -> None:
    with closing(StudyStore.open(folder, "test", SPACE)) as store:
        read(other)
        store.wait.limit_s = 0.0
        train_a_trial(store)
        assert other.execute("select count(*) from trials").fetchone() == (0,)  # its snapshot
        other.execute("commit")
    other.close()
    assert open_study(folder).num_finished == 1
    assert not list(folder.glob("study.db-*"))


def test_a_reader_from_before_the_search_is_waited_for(folder: Path, other: sqlite3.Connection) -> None:
    """It keeps the database from WAL mode, so that the search waits for it as for a writer."""
    read(other)
    with closing(StudyStore.open(folder, "test", SPACE)) as store:
        store.wait.between = lambda: other.commit()
        train_a_trial(store)
    assert open_study(folder).num_finished == 1


def test_a_reader_at_the_end_leaves_a_study_that_can_be_read(folder: Path, other: sqlite3.Connection) -> None:
    with closing(StudyStore.open(folder, "test", SPACE)) as store:
        train_a_trial(store)
        read(other)
    assert open_study(folder).num_finished == 1
    with closing(StudyStore.open(folder, "test", SPACE)) as store:
        assert store.num_ended == 1
    other.close()
    StudyStore.open(folder, "test", SPACE).close()
    assert not list(folder.glob("study.db-*"))


@pytest.mark.slow
@pytest.mark.parametrize("network", [False, True])
def test_a_writer_is_waited_for_and_nothing_is_lost(
    folder: Path, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, network: bool
) -> None:
    """It takes the lock before each change of the search, and lets it go when it is waited for."""
    monkeypatch.setattr("results.storage.waiting.TELL_AFTER_S", 0.0)
    if network:
        monkeypatch.setattr("results.storage.locking.NETWORK_FILE_SYSTEMS", {file_system_of(folder)})
    told: list[str] = []
    with closing(StudyStore.open(folder, "test", SPACE)) as store:
        mode = other.execute("pragma journal_mode").fetchone()
        assert mode == ("delete" if network else "wal",)
        store.wait.tell = told.append
        store.wait.between = lambda: other.commit()
        proposal = make_ask_tell("random", SPACE, seed=0).ask(0)
        assert proposal is not None
        for change in (
            lambda: store.start(proposal, seed=0, max_epochs=1, clock_s=0.0),
            lambda: store.report(0, EpochReport(1, 0.5, 0.5, 0.75, 0.1), clock_s=1.0),
            lambda: store._mirror.add(store.records[0]),
            lambda: store.finish(0, 0.75, Outcome(1.0), weights="w", clock_s=2.0),
        ):
            other.execute("begin immediate")
            change()
    assert len(told) == 8
    assert "another program has locked" in told[0]
    assert "is unlocked" in told[1]
    assert open_study(folder).num_finished == 1


def test_a_writer_that_does_not_let_go_ends_the_search(folder: Path, other: sqlite3.Connection) -> None:
    with closing(StudyStore.open(folder, "test", SPACE)) as store:
        other.execute("begin immediate")
        store.wait.limit_s = 0.0
        with pytest.raises(InvalidInputError, match=r"study\.db is in use by another program"):
            train_a_trial(store)


def test_a_signal_ends_the_wait(folder: Path, other: sqlite3.Connection) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with closing(StudyStore.open(folder, "test", SPACE)) as store:
        other.execute("begin immediate")
        store.wait.between = interrupt
        with pytest.raises(KeyboardInterrupt):
            train_a_trial(store)
    other.commit()
    assert open_study(folder).num_finished == 0


def test_a_study_of_a_killed_driver_is_read_in_a_read_only_folder(
    folder: Path, other: sqlite3.Connection
) -> None:
    other.close()
    let_readers_be(folder / "study.db")
    assert (folder / "study.db").read_bytes()[18:20] == b"\x02\x02"
    folder.chmod(0o555)
    try:
        assert open_study(folder).num_finished == 0
    finally:
        folder.chmod(0o755)


def test_the_innermost_mount_tells_the_file_system(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/a / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n", encoding="utf-8")
    assert file_system_of(tmp_path / "runs", mounts) == "nfs4"
    assert file_system_of(Path(os.sep), mounts) == "ext4"
    assert file_system_of(tmp_path, tmp_path / "missing") is None
