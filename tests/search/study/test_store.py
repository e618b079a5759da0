"""After a crash, the ledger is right: Optuna's study is updated from it, whatever it lacks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from results.open import open_study
from results.storage.study_files import sqlite_url
from search.executors.messages import BatchLatency
from search.samplers.base import AskTell
from search.study.components import make_ask_tell
from search.study.optuna_mirror import OptunaMirror
from search.study.store import StudyStore
from search.study.trials import Outcome
from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from space.search_space import SearchSpace
from tests.support.factories import make_header, make_training_costs

SPACE = SearchSpace(SpaceConfig.model_validate({"c_u": [2, 3, 4], "levels": [1, 2]}), in_channels=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "study.toml").write_text('name = "test"\n', encoding="utf-8")
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Iterator[StudyStore]:
    with closing(StudyStore.create(folder, make_header(), SPACE)) as store:
        yield store


def start(store: StudyStore, number: int, sampler: AskTell) -> None:
    proposal = sampler.ask(number)
    assert proposal is not None
    store.start(proposal, seed=number, max_epochs=1, clock_s=0.0)


def states(folder: Path) -> list[str]:
    study = optuna.load_study(study_name="test", storage=sqlite_url(folder))
    return [trial.state.name for trial in study.trials]


@pytest.mark.parametrize("crash", ["before the trial is added", "before the result is told"])
def test_optuna_is_brought_up_to_the_ledger(
    folder: Path, store: StudyStore, monkeypatch: pytest.MonkeyPatch, crash: str
) -> None:
    sampler = make_ask_tell("random", SPACE, seed=0)
    start(store, 0, sampler)
    start(store, 1, sampler)

    def die(*_args: Any, **_fields: Any) -> None:
        raise KeyboardInterrupt

    if crash == "before the trial is added":
        monkeypatch.setattr(OptunaMirror, "add", die)
        with pytest.raises(KeyboardInterrupt):
            start(store, 2, sampler)
        expected = ["RUNNING", "RUNNING", "RUNNING"]
    else:
        store.report(1, EpochReport(1, 0.5, 0.5, 0.75, 0.1), clock_s=1.0)
        monkeypatch.setattr(OptunaMirror, "tell", die)
        with pytest.raises(KeyboardInterrupt):
            store.finish(
                1, 0.75, Outcome(1.0, make_training_costs(images_per_s=3.0)), weights="w", clock_s=2.0
            )
        expected = ["RUNNING", "COMPLETE"]
    assert states(folder) != expected
    monkeypatch.undo()
    with closing(StudyStore.open(folder, "test", SPACE)) as reopened:
        assert states(folder) == expected
        assert reopened.interrupted == [n for n, state in enumerate(expected) if state == "RUNNING"]


def open_connections() -> int:
    return sum(str(fd.resolve()).endswith("study.db") for fd in Path("/proc/self/fd").iterdir())


def test_closing_leaves_no_connection(folder: Path, store: StudyStore) -> None:
    """SQLite keeps descriptors of closed connections while another one of the process holds a lock."""
    store.close()
    before = open_connections()
    for _ in range(3):
        with closing(StudyStore.open(folder, "test", SPACE)) as again:
            assert not again.records
    assert open_connections() <= before


@pytest.mark.parametrize("add", [lambda study: study.enqueue_trial({"nu_1": 2}), lambda study: study.ask()])
def test_trials_that_others_add_to_optunas_study_are_left_alone(
    folder: Path, store: StudyStore, add: Callable[[optuna.Study], object]
) -> None:
    sampler = make_ask_tell("random", SPACE, seed=0)
    start(store, 0, sampler)
    study = optuna.load_study(study_name="test", storage=sqlite_url(folder))
    add(study)
    start(store, 1, sampler)
    store.report(1, EpochReport(1, 0.5, 0.5, 0.75, 0.1), clock_s=1.0)
    store.finish(1, 0.75, Outcome(1.0), weights="w", clock_s=2.0)
    with closing(StudyStore.open(folder, "test", SPACE)) as again:
        start(again, 2, sampler)
    ours = [trial for trial in study.trials if "arch" in trial.user_attrs]
    assert [trial.number for trial in ours] == [0, 2, 3]
    assert [trial.state.name for trial in ours] == ["RUNNING", "COMPLETE", "RUNNING"]
    assert [trial.user_attrs["arch"] for trial in ours] == [record.arch for record in again.records.values()]
    assert ours[1].values == [0.75, again.records[1].params]


def test_mirror_deleted_is_written_anew_from_the_ledger(folder: Path) -> None:
    """Also the attributes of the sampler: NSGA-II counts the generation of every trial."""
    with closing(StudyStore.create(folder, make_header(), SPACE)) as store:
        sampler = make_ask_tell("nsga2", SPACE, seed=0)
        for number in range(3):
            start(store, number, sampler)
        store.report(1, EpochReport(1, 0.5, 0.5, 0.75, 0.1), clock_s=1.0)
        store.finish(1, 0.75, Outcome(1.0), weights="w", clock_s=2.0)
        expected = [(t.state, t.values, t.params, t.user_attrs, t.system_attrs) for t in mirrored(folder)]
        assert any("generation" in key for key in expected[0][4])
    with closing(sqlite3.connect(folder / "study.db")) as database, database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if not table.startswith(("mgnas_", "sqlite_")):
                database.execute(f"DROP TABLE {table}")
    with closing(StudyStore.open(folder, "test", SPACE)) as again:
        assert [record.state for record in again.records.values()] == ["running", "complete", "running"]
        assert all(record.sampler_attrs for record in again.records.values())
    found = [(t.state, t.values, t.params, t.user_attrs, t.system_attrs) for t in mirrored(folder)]
    assert found == expected


def mirrored(folder: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="test", storage=sqlite_url(folder)).get_trials(deepcopy=True)


def test_optunas_rows_may_be_damaged_too(folder: Path, store: StudyStore) -> None:
    start(store, 0, make_ask_tell("random", SPACE, seed=0))
    with closing(sqlite3.connect(folder / "study.db")) as database, database:
        database.execute("update trial_user_attributes set value_json = '{' where key = 'arch'")
    store.close()
    before = open_connections()
    with pytest.raises(InvalidInputError, match=r"study\.db is damaged"):
        StudyStore.open(folder, "test", SPACE)
    assert open_connections() <= before


def test_a_crash_while_the_study_is_made_leaves_a_folder_to_begin_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        StudyStore.create(folder, make_header(), SPACE)
    monkeypatch.undo()
    assert not (folder / "study.db").exists()
    with closing(StudyStore.create(folder, make_header(), SPACE)) as store:
        assert store.num_ended == 0


def test_costs_are_recorded(store: StudyStore, folder: Path) -> None:
    start(store, 0, make_ask_tell("random", SPACE, seed=0))
    store.measure(0, 0.25, clock_s=1.0)
    costs = make_training_costs(energy_j=9.0)
    store.finish(0, 0.75, Outcome(1.0, costs, BatchLatency(0.5)), weights="w", clock_s=2.0)
    (recorded,) = open_study(folder).records
    assert recorded == store.records[0]
    assert recorded.training_costs == costs
    network = recorded.network_costs
    assert (network.latency_ms, network.latency_p95_ms, network.latency_batch_ms) == (0.25, 0.5, None)
    assert [recorded.cost(name) for name in ("latency_ms", "energy_j")] == [0.25, 9.0]


def test_a_network_has_one_latency(store: StudyStore) -> None:
    """Measured twice, it would be on the front twice, by chance."""
    proposal = make_ask_tell("random", SPACE, seed=0).ask(0)
    assert proposal is not None
    first = store.start(proposal, seed=0, max_epochs=1, clock_s=0.0)
    assert first.network_costs.latency_ms is None
    store.measure(first.number, 0.25, 1.0)
    assert store.start(proposal, seed=1, max_epochs=1, clock_s=2.0).network_costs.latency_ms == 0.25
    other = make_ask_tell("random", SPACE, seed=1).ask(0)
    assert other is not None
    assert other.spec.arch != proposal.spec.arch
    assert store.start(other, seed=2, max_epochs=1, clock_s=3.0).network_costs.latency_ms is None
