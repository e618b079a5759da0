"""The soak in small: kills at random moments, and books that must balance."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.soak.__main__ import main
from benchmarks.soak.books import ended_trials, unneeded_files, wrong_books
from tests.support.command_line import mgnas
from tests.support.studies import write_study


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="processes are measured in /proc")
def test_soak_of_forty_trials_balances_after_random_kills(capsys: pytest.CaptureFixture[str]) -> None:
    # this seed kills the first worker there is, then driver and workers four seconds later
    main(["--trials", "40", "--every", "4", "--seed", "135", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["problems"] == []
    assert found["trials"] == 40
    assert found["kills"] >= 1
    assert set(found["states"]) <= {"complete", "failed", "stopped"}
    assert found["peaks"]["driver_mib"] > 20
    assert found["peaks"]["database_mib"] > 0


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("books")
    write_study(home, trials=4, epochs=2)
    assert mgnas("search", "tiny.toml", cwd=home).returncode == 0
    return home / "runs" / "tiny"


@pytest.mark.slow
def test_wrong_books_names_what_does_not_balance(complete: Path) -> None:
    assert wrong_books(complete, 4) == []
    assert ended_trials(complete) == Counter(complete=4)
    assert unneeded_files(complete) == []
    other = complete / "checkpoints" / "0123456789ab-s1.checkpoint"
    other.touch()
    (complete / "logs" / "worker-9.log").write_text("Traceback (most recent call last):\n")
    with closing(sqlite3.connect(complete / "study.db")) as database, database:
        database.execute("DELETE FROM mgnas_reports WHERE trial = 1 AND epoch = 1")
        database.execute("DELETE FROM mgnas_events WHERE trial = 2 AND kind = 'finish'")
        database.execute("UPDATE mgnas_trials SET state = 'running' WHERE number = 3")
    wrong = "\n".join(wrong_books(complete, 5))
    for text in (
        "holds 4 trials",
        "trial 1 has 2 epochs",
        "trial 2 (complete) has 0 finish",
        "trial 3 is running",
    ):
        assert text in wrong
    assert "files in checkpoints are not needed" in wrong
    assert "worker-9.log holds a traceback" in wrong
    assert "mgnas verify" in wrong
    assert unneeded_files(complete) == [other.name]
