"""A study opened in Python: the time of reads, the end of a study, and the use of its results."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from results.open import Study, open_study
from results.plots.front_svg import front_svg
from results.storage.ledger import Ledger
from results.storage.objectives import COSTS
from results.storage.study_files import sqlite_url
from results.tables import front_csv, write_front_csv
from space.core.errors import InvalidInputError
from space.core.reports import EpochReport
from tests.support.export_study import make_study
from tests.support.factories import make_header, make_trial
from tests.support.synthetic import searched, study, trial


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


def test_a_number_from_the_front_exports(trained: Study, tmp_path: Path) -> None:
    number = trained.front()["trial"].iloc[0]
    assert isinstance(number, np.integer)
    result = trained.export(number, tmp_path / "out", ["spec"])
    assert result.folder == (tmp_path / "out").resolve()
    assert trained.front_records[0].notation in (result.folder / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("which", "max_params", "says"),
    [
        (0, 10_000, "'within=1pt', not with a trial's number (0)"),
        (
            1.0,
            None,
            "which must be a trial's number, or one of within-1se, best, knee, smallest, 'acc",
        ),
        (None, None, "but got None"),
        (99, None, "has no trial 99"),
    ],
)
def test_exports_of_no_network_are_refused(
    trained: Study, tmp_path: Path, which: Any, max_params: int | None, says: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        trained.export(which, tmp_path / "out", ["spec"], max_params=max_params)
    assert says in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of one trial begun, with its first epoch."""
    folder = tmp_path / "running"
    folder.mkdir()
    (folder / "study.toml").write_text('name = "test"\n', encoding="utf-8")
    Ledger.create(sqlite_url(folder, "rwc"), make_header()).close()
    begin(folder, 0)
    return folder


def begin(folder: Path, number: int) -> None:
    ledger = Ledger(sqlite_url(folder), "test")
    begun = make_trial(number, state="running", val_accuracy=None, finished_s=None, epochs=0)
    ledger.write_trial(begun, event="start", clock_s=1.0)
    ledger.write_report(number, EpochReport(1, 1.0, 1.0, 0.5, 0.1), clock_s=1.0)
    ledger.close()


def test_epochs_are_those_of_the_trials_that_were_opened(folder: Path) -> None:
    opened = open_study(folder)
    begin(folder, 1)
    assert [record.number for record in opened.records] == [0]
    assert set(opened.reports) == {0}
    assert opened.status()["epochs"] == 1
    assert open_study(folder).status()["epochs"] == 2


def test_epochs_are_read_once(folder: Path) -> None:
    opened = open_study(folder)
    assert len(opened.curves()) == 1
    folder.rename(folder.with_name("moved"))
    assert len(opened.curves()) == 1


@pytest.mark.parametrize("part", ["", "study.db", "study.toml"])
def test_epochs_of_a_folder_that_has_moved_are_one_line(folder: Path, part: str) -> None:
    opened = open_study(folder)
    (folder / part).rename(folder.with_name("moved"))
    with pytest.raises(InvalidInputError) as caught:
        opened.status()
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "damaged" not in str(caught.value)
    assert (folder / "study.db").exists() == (part == "study.toml")


def test_an_exhausted_study_is_not_complete_while_a_trial_is_open() -> None:
    begun = trial(2, 3000, None, state="running", finished_s=None)
    made = study([trial(0, 1000, 0.5), trial(1, 2000, 0.6), begun], trials=9, exhausted=True)
    assert made.spent is None
    assert not made.complete
    made.records[2] = replace(begun, state="failed", reason="diverged")
    assert made.spent == "every network of its space within the limits was tried"


def test_hours_are_spent_when_what_runs_has_ended() -> None:
    """As with every budget: a last training that was interrupted is gone on with."""
    begun = trial(1, 3000, None, state="running", finished_s=None)
    made = study([trial(0, 1000, 0.5, finished_s=7200.0), begun], trials=9, hours=2.0)
    assert not made.complete
    made.records[1] = replace(begun, state="paused")
    assert made.spent == "its 2 hours are spent"
    made.records[0] = replace(made.records[0], state="paused")  # nothing is whole: the search goes on
    assert not made.complete


@pytest.mark.parametrize("count", [0, 30])
def test_the_front_is_the_same_csv_everywhere(count: int) -> None:
    made = study(searched(count))
    text = front_csv(made.front_records)
    stream = io.StringIO()
    write_front_csv(made.front_records, stream)
    assert stream.getvalue() == text == made.front().to_csv(index=False)
    if count:
        pd.testing.assert_frame_equal(pd.read_csv(io.StringIO(text)), made.front(), check_dtype=False)


def test_unknown_costs_are_nan_in_frames_and_none_in_records() -> None:
    made = study([trial(0, 1000, 0.9, latency_ms=2.0), trial(1, 2000, 0.95, energy_j=3.0)])
    frame = made.trials()
    assert frame["latency_ms"].dtype == frame["energy_j"].dtype == float
    assert frame["latency_ms"].isna().tolist() == [False, True]
    assert frame["energy_j"].isna().tolist() == [True, False]
    assert frame["latency_batch"].isna().all()
    assert [record.point(("latency_ms",))["latency_ms"] for record in made.records] == [2.0, None]
    assert [COSTS["energy_j"].of(record) == 3.0 for record in made.records] == [False, True]
    assert set(study([]).trials().columns) == set(frame.columns)


def test_the_picture_is_written_whole_and_its_path_returned(tmp_path: Path) -> None:
    made = study(searched(20))
    path = made.front_svg(str(tmp_path / "docs" / "front.svg"))
    assert path == tmp_path / "docs" / "front.svg"
    assert path.read_text(encoding="utf-8") == front_svg(made)
    assert list(path.parent.iterdir()) == [path]
