"""Files that a worker which died has not written to the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from search.study import run
from tests.search.study.test_faults import STUDY
from tests.support.command_line import mgnas
from tests.support.studies import write_study


def test_partial_files_of_workers_that_died_in_a_run_are_gone_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path, trials=1, epochs=1)
    drive = run._drive

    def drive_and_die(*arguments: Any) -> None:
        drive(*arguments)
        (tmp_path / STUDY / "checkpoints" / ".0123abcd-s0.checkpoint.77.part").write_bytes(b"to")

    monkeypatch.setattr(run, "_drive", drive_and_die)
    found = mgnas("search", "tiny.toml", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert not list((tmp_path / STUDY).rglob("*.part"))
