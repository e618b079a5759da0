"""Damaged rows of a ledger: each command tells them in one line, or does not need them; verify finds all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command_line import mgnas

STUDY = Path("runs/tiny")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("spec", '{"family": "mgnet", "levels": 99}'),
        ("spec", "[1, 2"),
        ("params", "-5"),
        ("state", "dreaming"),
        ("epochs", "many"),
        ("seed", "-1"),
    ],
)
def test_damaged_row_is_one_line(finished: Path, column: str, value: str) -> None:
    with closing(sqlite3.connect(STUDY / "study.db")) as database, database:
        database.execute(f"UPDATE mgnas_trials SET {column} = ? WHERE number = 0", [value])
    for command in (["front"], ["report"], ["verify"]):
        run = mgnas(command[0], STUDY, *command[1:], cwd=finished)
        assert "bug" not in run.stderr, (command, run.stderr)
        assert run.stderr.count("\n") <= 1 or run.returncode == 0, (command, run.stderr)
    assert run.returncode in (1, 2), "verify finds no damage"
