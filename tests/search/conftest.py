"""A finished study that many tests look at; tests that change it copy it first."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.command_line import mgnas
from tests.support.studies import write_study


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("finished")
    write_study(home)
    run = mgnas("search", "tiny.toml", cwd=home)
    assert run.returncode == 0, run.stderr
    (home / "search.stdout").write_text(run.stdout, encoding="utf-8")
    (home / "search.stderr").write_text(run.stderr, encoding="utf-8")
    return home


@pytest.fixture
def finished(_finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a folder in which ``mgnas search tiny.toml`` ran to its end; the current folder."""
    home = tmp_path / "home"
    shutil.copytree(_finished, home)
    # the study knows its images by their absolute path
    config = home / "runs" / "tiny" / "study.toml"
    config.write_text(config.read_text("utf-8").replace(str(_finished), str(home)), encoding="utf-8")
    monkeypatch.chdir(home)
    return home
