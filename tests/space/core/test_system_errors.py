"""Errors of the operating system: each has its advice."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from results.storage.errors import explain_database_error
from space.core.system_errors import ADVICE, explain_system_error

WITHOUT_FILES = """
import os, resource, sys
from search.cli.main import run
sys.argv = ["mgnas"]
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        os.dup(0)
except OSError:
    pass
sys.exit(run(["front", "there"]))
"""


def test_too_many_open_files_names_their_limit(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "study.db").touch()
    (tmp_path / "there" / "study.toml").touch()
    preload = (
        "import search.cli.main, search.cli.app, results.open, results.tables, results.front\n"
        "import results.storage.ledger\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", preload + WITHOUT_FILES],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Too many open files; raise the limit of open files" in done.stderr
    assert "space" not in done.stderr


def test_reasons_that_sqlite_hides_are_found(tmp_path: Path) -> None:
    (tmp_path / "study.db").mkdir()
    error = ValueError("unable to open database file")
    assert "Is a directory; it is a folder" in str(explain_database_error(error, str(tmp_path / "study.db")))


@pytest.mark.parametrize(
    ("number", "says", "lacks"),
    [
        (errno.ENOSPC, "free some space", "permissions"),
        (errno.EACCES, "check the permissions", "space"),
        (errno.EROFS, "read-only", "space"),
        (errno.EMFILE, "ulimit -n", "space"),
        (errno.EIO, "the disk", "space"),
    ],
)
def test_advice_belongs_to_the_error(number: int, says: str, lacks: str) -> None:
    text = explain_system_error(OSError(number, os.strerror(number)))
    assert text.startswith(f"{os.strerror(number)}; ")
    assert says in ADVICE[number]
    assert lacks not in ADVICE[number]


def test_unknown_errors_have_no_advice_of_others() -> None:
    assert explain_system_error(OSError(errno.EDOM, "odd")) == "odd"
    assert explain_system_error(OSError(errno.EDOM, "odd"), "look") == "odd; look"
    assert explain_system_error(OSError("text alone")) == "text alone"
