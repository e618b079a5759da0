"""The certification of a study in a real PostgreSQL server."""

from __future__ import annotations

from pathlib import Path

import pytest

from results.certification.read import openings
from results.open import open_study
from results.storage.location import locate
from tests.support.command_line import mgnas
from tests.support.studies import write_study


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_certification_is_a_study_of_its_own_in_the_same_database(tmp_path: Path, postgres_url: str) -> None:
    file = write_study(tmp_path, epochs=1, trials=2, workers=1)
    file.write_text(f'{file.read_text(encoding="utf-8")}storage = "{postgres_url}"\n', encoding="utf-8")

    def run(*arguments: str) -> str:
        done = mgnas(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    run("search", "tiny.toml", "--dir", "search", "--set", "data.test_fraction=0.25")
    assert f"recorded in {postgres_url}" in run("certify", "search", "--seeds", "1")
    study = open_study(tmp_path / "search")
    assert study.certification is not None
    assert study.certification.networks
    inner = locate(study.certification.folder)
    assert inner.server_url == locate(study.folder).server_url == postgres_url
    assert inner.study != locate(study.folder).study
    assert len(openings(study.folder)) == len(openings(study.certification.folder)) == 1
    assert "held-out" in run("certify", "search", "--seeds", "1")
    assert len(openings(study.folder)) == 1
    assert run("move", "search", "--storage", "sqlite").count("rows moved to") == 2
    moved = open_study(tmp_path / "search").certification
    assert moved is not None
    assert [one.test.mean for one in moved.networks] == [
        one.test.mean for one in study.certification.networks
    ]
    run("report", "search")
