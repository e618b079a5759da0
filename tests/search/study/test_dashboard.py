"""Optuna Dashboard on a copy of a study."""

from __future__ import annotations

import json
import sqlite3
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from results.loopback import served
from results.storage.reading import ledger_mark
from search.study.components import make_ask_tell
from search.study.dashboard import dashboard
from search.study.store import StudyStore
from search.study.trials import Outcome
from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from space.search_space import SearchSpace
from tests.support.factories import make_header
from tests.support.waiting import MOST_S

SPACE = SearchSpace(SpaceConfig.model_validate({"c_u": [2, 3, 4], "levels": [1, 2]}), in_channels=1)
COSTS = {"params": (100.0, 10_000.0), "macs": (1e3, 1e6)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "study.toml").write_text('name = "test"\n', encoding="utf-8")
    StudyStore.create(tmp_path, make_header(cost_ranges=COSTS), SPACE).close()
    return tmp_path


def train_a_trial(store: StudyStore) -> None:
    proposal = make_ask_tell("random", SPACE, seed=0).ask(0)
    assert proposal is not None
    store.start(proposal, seed=0, max_epochs=1, clock_s=0.0)
    store.report(0, EpochReport(1, 0.5, 0.5, 0.75, 0.1), clock_s=1.0)
    store.finish(0, 0.75, Outcome(1.0), weights="w", clock_s=2.0)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=MOST_S) as reply:
        return json.load(reply)


def test_the_dashboard_follows_a_search_and_names_its_objectives(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.study.dashboard.LEAST_GAP_S", 0.0)
    with (
        closing(StudyStore.open(folder, "test", SPACE)) as store,
        dashboard(folder) as (app, study),
        served(app, 0) as address,
    ):
        store.wait.limit_s = 0.0
        train_a_trial(store)
        found = get(f"{address}/api/studies/{study}")
    assert found["directions"] == ["maximize", "minimize", "minimize"]
    assert found["objective_names"] == ["validation accuracy", "parameters", "MACs"]
    assert [trial["state"] for trial in found["trials"]] == ["Complete"]


def test_the_dashboard_changes_nothing_in_the_study(folder: Path) -> None:
    before = ledger_mark(folder)
    with dashboard(folder) as (app, study), served(app, 0) as address:
        get(f"{address}/api/studies")
        delete = urllib.request.Request(f"{address}/api/studies/{study}", method="DELETE")
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(delete, timeout=MOST_S)
    assert ledger_mark(folder) == before


def test_the_copy_is_deleted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("copies")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(place))
        with dashboard(folder):
            assert len(list(place.glob("mgnas-dashboard-*/study.db"))) == 1
    assert not list(place.iterdir())


def test_a_missing_package_is_one_line_with_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    with pytest.raises(InvalidInputError, match=r"pip install 'mgnas\[dashboard\]'"), dashboard(folder):
        pass


def test_a_study_without_its_mirror_is_one_line(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "study.db")) as connection, connection:
        connection.execute("DELETE FROM studies")
    with pytest.raises(InvalidInputError, match="has no Optuna study; 'mgnas search "), dashboard(folder):
        pass
