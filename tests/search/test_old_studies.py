"""A study that an earlier version of mgnas began: read, exported from, and gone on with.

``study_of_schema_1`` was made by version 0.1.0 with one worker: ``write_study(trials=4, workers=1)``.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from results import open_study
from search import run_search
from tests.search.studies import write_images

AS_THEN = {
    "train.schedule": "one_cycle",
    "train.average": 0.0,
    "train.muon_decay": 1.0,
    "search.scheduler": "full",
}
"""Keys that there were none of, with the values that say what was done."""
OLD = Path(__file__).with_name("study_of_schema_1")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    shutil.copytree(OLD, tmp_path / "old")
    return tmp_path / "old"


def test_it_is_read_as_it_is(old: Path) -> None:
    before = (old / "study.db").read_bytes()
    study = open_study(old)
    assert study.complete
    assert study.front().to_csv(index=False) == (old / "front.csv").read_text(encoding="utf-8")
    assert study.references == []
    assert len(study.curves()) == 8
    assert study.report(old.parent / "report.html").is_file()
    assert study.export("best", old.parent / "export", ["spec", "safetensors"]).files
    assert (old / "study.db").read_bytes() == before


def test_it_goes_on_as_it_would_have(old: Path, tmp_path: Path) -> None:
    """The same networks as in a study that this version makes from the start."""
    data = f"npz:{write_images(tmp_path)}"
    shutil.copy(Path(__file__).parent / "study_of_schema_1" / "study.toml", tmp_path / "fresh.toml")
    text = (tmp_path / "fresh.toml").read_text(encoding="utf-8").replace('name = "tiny"', 'name = "fresh"')
    (tmp_path / "fresh.toml").write_text(text, encoding="utf-8")
    settings = {"data.source": data, "search.trials": 7}
    as_then = settings | AS_THEN
    went_on = run_search(old, settings=settings, progress=False)
    fresh = run_search(tmp_path / "fresh.toml", folder=tmp_path / "f", settings=as_then, progress=False)
    archs = [[record.arch for record in study.records] for study in (went_on, fresh)]
    assert archs[0] == archs[1]
    assert len(archs[0]) == 7
    with sqlite3.connect(old / "study.db") as database:
        ((version,),) = database.execute("select schema_version from mgnas_studies")
    database.close()
    assert version == 4


def test_it_takes_references(old: Path, tmp_path: Path) -> None:
    text = (old / "study.toml").read_text(encoding="utf-8")
    (old / "study.toml").write_text('references = ["mgnet-64-Bli@0.05"]\n' + text, encoding="utf-8")
    shutil.copy(old / "study.toml", tmp_path / "with.toml")
    (old / "study.toml").write_text(text, encoding="utf-8")
    settings = {"data.source": f"npz:{write_images(tmp_path)}", **AS_THEN}
    study = run_search(tmp_path / "with.toml", folder=old, settings=settings, progress=False)
    assert [record.reference for record in study.references] == ["mgnet-64-Bli@0.05"]
    assert len(study.records) == 4
    assert json.loads(json.dumps(study.summary()))["references"][0]["trial"] == 4
