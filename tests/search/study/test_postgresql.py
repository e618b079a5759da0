"""Studies in a real PostgreSQL server: search, resume, take-over, lost connections, moves."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from results.open import open_study
from results.storage.driver_lock import lease_holder
from results.storage.location import locate
from search.study.move import move_study
from search.study.verify import verify
from tests.support.command_line import mgnas
from tests.support.gate import Gate, write_gated_study
from tests.support.postgres import PostgresServer
from tests.support.studies import write_study
from tests.support.waiting import MOST_S, wait_until
from tests.support.warm_workers import command_with_warm_workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
STUDY = Path("runs/tiny")
SHORT_LEASE = (
    "import results.storage.lease as lease; lease.LEASE_S = 2.0; "
    "import results.storage.postgresql as server; server.IDLE_IN_TRANSACTION_S = 1; "
)
"""Changes in a driver whose lease expires after two seconds."""


@pytest.fixture
def home(tmp_path: Path, postgres_url: str) -> Path:
    write_study(tmp_path, epochs=3, trials=4, workers=1)
    return record_in(tmp_path, postgres_url)


@pytest.fixture
def gate(tmp_path: Path, postgres_url: str) -> Gate:
    """A study whose trainings wait in their second epoch."""
    gate = write_gated_study(tmp_path, epochs=3, trials=4, workers=1)
    record_in(tmp_path, postgres_url)
    return gate


def record_in(home: Path, url: str) -> Path:
    """Let the study be recorded in a database."""
    file = home / "tiny.toml"
    file.write_text(f'{file.read_text(encoding="utf-8")}storage = "{url}"\n', encoding="utf-8")
    return home


@contextmanager
def driver(gate: Gate, *arguments: str, changes: str = "") -> Iterator[subprocess.Popen[str]]:
    """A search in the background, killed at the end if it still runs; ``changes`` is code before its start."""
    with subprocess.Popen(
        command_with_warm_workers("search", *arguments, changes=changes),
        cwd=gate.folder,
        env=gate.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_line(process: subprocess.Popen[str], text: str) -> str:
    """Read what the process says until a line contains the text; return all of it."""
    assert process.stderr is not None
    said = ""
    while text not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


def assert_complete(home: Path, trials: int = 4) -> None:
    """All trials are complete, each epoch is recorded once, and every decision is as recorded."""
    study = open_study(home / STUDY)
    assert [record.state for record in study.records] == ["complete"] * trials
    assert all([one.epoch for one in study.reports[n]] == [1, 2, 3] for n in range(trials))
    assert study.complete
    verified = verify(home / STUDY)
    assert verified.difference is None
    assert verified.num_same >= trials
    assert lease_holder(home / STUDY) is None


def test_study_in_postgresql_serves_every_command(home: Path) -> None:
    def run(*arguments: str) -> str:
        done = mgnas(*arguments, cwd=home)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    assert "all 4 trials are done" in run("search", "tiny.toml")
    files = {file.name for file in (home / STUDY).iterdir()}
    assert {"study.toml", "database.toml", "trials.csv", "front.csv", "report.html"} <= files
    assert "study.db" not in files
    assert_complete(home)
    assert "all 4 trials are done" in run("status", str(STUDY))
    assert "MgNet" in run("front", str(STUDY))
    assert "report" in run("report", str(STUDY))
    assert "all as recorded" in run("verify", str(STUDY))
    assert "all 4 trials are done" in run("search", str(STUDY))
    assert "all 5 trials are done" in run("search", str(STUDY), "--trials", "5")
    assert_complete(home, 5)
    elsewhere = mgnas("search", "tiny.toml", "--set", "search.storage=postgresql://h/other", cwd=home)
    assert elsewhere.returncode == 2
    assert "'mgnas move runs/tiny --storage ...' moves it" in elsewhere.stderr


def test_killed_search_resumes_at_once(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    with driver(gate, "tiny.toml") as process:
        gate.wait_for(1, process)
        process.kill()
    gate.open()
    gate.enter(monkeypatch)
    done = mgnas("search", str(STUDY), cwd=gate.folder)
    assert done.returncode == 0, done.stderr
    assert_complete(gate.folder)


def test_second_driver_is_refused_also_from_a_copy_of_the_folder(gate: Gate) -> None:
    home = gate.folder
    with driver(gate, "tiny.toml") as process:
        gate.wait_for(1, process)
        shutil.copytree(home / STUDY, home / "copy", ignore=shutil.ignore_patterns("*.part", "calibration"))
        for folder in (str(STUDY), "copy"):
            done = mgnas("search", folder, cwd=home)
            assert done.returncode == 2
            assert f"another mgnas (process {process.pid} on " in done.stderr
            assert done.stderr.count("\n") == 1
        gate.open()
        _, errors = process.communicate(timeout=MOST_S)
    assert process.returncode == 0, errors
    assert_complete(home)


def test_standby_driver_takes_over_from_a_killed_one(gate: Gate) -> None:
    with driver(gate, "tiny.toml") as first:
        gate.wait_for(1, first)
        with driver(gate, str(STUDY), "--standby") as second:
            said = wait_for_line(second, f"standing by: another mgnas (process {first.pid} on ")
            first.kill()
            gate.open()
            _, errors = second.communicate(timeout=MOST_S)
    assert second.returncode == 0, errors
    assert "taking over" in said + errors
    assert_complete(gate.folder)


def test_driver_that_stood_still_and_was_replaced_ends(gate: Gate) -> None:
    with driver(gate, "tiny.toml", changes=SHORT_LEASE) as first:
        gate.wait_for(1, first)
        with driver(gate, str(STUDY), "--standby") as second:
            wait_for_line(second, "standing by: ")
            first.send_signal(signal.SIGSTOP)
            wait_until(
                lambda: (holder := lease_holder(gate.folder / STUDY)) and holder.pid == second.pid,
                "the second driver holds the lease",
                within=second,
            )
            first.send_signal(signal.SIGCONT)
            gate.open()
            _, errors = first.communicate(timeout=MOST_S)
            assert first.returncode == 1
            assert "another driver has taken over this study" in errors
            assert "Traceback" not in errors
            _, errors = second.communicate(timeout=MOST_S)
    assert second.returncode == 0, errors
    assert_complete(gate.folder)


@pytest.mark.parametrize(("mode", "is_long"), [("fast", False), ("immediate", False), ("fast", True)])
def test_search_survives_a_server_that_is_away(
    gate: Gate, postgres: PostgresServer, mode: str, is_long: bool
) -> None:
    with driver(gate, "tiny.toml") as process:
        gate.wait_for(1, process)
        postgres.stop(mode)
        gate.open()
        said = wait_for_line(process, "does not answer") if is_long else ""
        postgres.start()
        _, errors = process.communicate(timeout=MOST_S)
    errors = said + errors
    assert process.returncode == 0, errors
    if is_long:
        assert errors.count("does not answer; waiting for at most 300 s. Trainings continue") == 1
        assert errors.count("answers again") == 1
    assert_complete(gate.folder)


def test_ctrl_c_ends_the_wait_for_a_server(
    gate: Gate, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with driver(gate, "tiny.toml") as process:
        gate.wait_for(1, process)
        postgres.stop()
        try:
            gate.open()
            said = wait_for_line(process, "does not answer")
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=MOST_S)
        finally:
            postgres.start()
    assert process.returncode == 130, said + errors
    assert "Traceback" not in errors
    gate.enter(monkeypatch)
    done = mgnas("search", str(STUDY), cwd=gate.folder)
    assert done.returncode == 0, done.stderr
    assert_complete(gate.folder)


def test_search_begins_when_the_server_does(
    gate: Gate, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.open()
    gate.enter(monkeypatch)
    home = gate.folder
    assert mgnas("search", "tiny.toml", "--trials", "1", cwd=home).returncode == 0
    postgres.stop()
    with driver(gate, str(STUDY), "--trials", "4") as process:
        try:
            said = wait_for_line(process, "does not answer; waiting for at most 300 s")
            refused = mgnas("front", str(STUDY), cwd=home)
            assert refused.returncode == 2
            assert "does not answer" in refused.stderr
        finally:
            postgres.start()
        _, errors = process.communicate(timeout=MOST_S)
    assert process.returncode == 0, errors
    assert (said + errors).count("does not answer; waiting for at most 300 s") == 1
    assert_complete(home)


def test_study_moves_half_way_and_back(home: Path, postgres_url: str) -> None:
    assert (
        mgnas("search", "tiny.toml", "--trials", "1", "--set", "search.storage=sqlite", cwd=home).returncode
        == 0
    )
    for storage, trials in ((postgres_url, "2"), ("sqlite", "4")):
        moved = mgnas("move", str(STUDY), "--storage", storage, cwd=home)
        assert moved.returncode == 0, moved.stderr
        assert "rows moved to" in moved.stdout
        assert locate(home / STUDY).storage == storage
        assert (home / STUDY / "study.db").exists() == (storage == "sqlite")
        assert f'storage = "{storage}"' in (home / STUDY / "study.toml").read_text(encoding="utf-8")
        done = mgnas("search", str(STUDY), "--trials", trials, cwd=home)
        assert done.returncode == 0, done.stderr
    assert len(open_study(home / STUDY).records) == 4
    assert verify(home / STUDY).difference is None
    again = mgnas("move", str(STUDY), "--storage", "sqlite", cwd=home)
    assert (again.returncode, "already" in again.stdout) == (0, True)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study in SQLite with one trial."""
    home = tmp_path_factory.mktemp("searched")
    write_study(home, epochs=1, trials=1, workers=1)
    done = mgnas("search", "tiny.toml", cwd=home)
    assert done.returncode == 0, done.stderr
    return home


@pytest.mark.parametrize(
    ("to_server", "step", "is_switched"),
    [
        (True, "_copy_ledger", False),
        (True, "_copy_mirror", False),
        (True, "_write_config", True),
        (True, "_forget", True),
        (False, "_copy_mirror", False),
        (False, "_write_config", True),
    ],
)
def test_move_that_is_killed_leaves_a_study(
    searched: Path, tmp_path: Path, postgres_url: str, to_server: bool, step: str, is_switched: bool
) -> None:
    folder = Path(shutil.copytree(searched / STUDY, tmp_path / "study"))
    start, end = ("sqlite", postgres_url) if to_server else (postgres_url, "sqlite")
    move_study(folder, start, print)
    before = open_study(folder).records
    code = (
        "import os, sys, search.study.move as move; "
        f"old = move.{step}; "
        f"move.{step} = lambda *a: ({not is_switched} and old(*a), os.kill(os.getpid(), 9)); "
        "move.move_study(sys.argv[1], sys.argv[2], print)"
    )
    killed = subprocess.run(
        [sys.executable, "-P", "-c", code, str(folder), end], check=False, capture_output=True, text=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert locate(folder).storage == (end if is_switched else start)
    assert open_study(folder).records == before
    move_study(folder, end, print)
    assert locate(folder).storage == end
    assert open_study(folder).records == before
    assert verify(folder).difference is None


def test_no_secret_is_recorded(home: Path) -> None:
    done = mgnas("search", "tiny.toml", "--set", "search.storage=postgresql://ada:hunter2@h/d", cwd=home)
    assert done.returncode == 2
    assert "must have no password" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert not (home / STUDY).exists()


def test_unknown_server_leaves_no_folder(home: Path) -> None:
    url = f"postgresql+psycopg://u@/d?host={os.fspath(home)}"
    done = mgnas("search", "tiny.toml", "--set", f"search.storage={url}", cwd=home)
    assert done.returncode == 2
    assert "does not answer" in done.stderr
    assert not (home / STUDY).exists()


def test_commands_of_the_page_run(home: Path, postgres_url: str) -> None:
    page = (Path(__file__).parents[3] / "docs/how-to/postgresql.md").read_text(encoding="utf-8")
    blocks = re.findall(
        r"^```bash \{no-test=\"needs a PostgreSQL.*?\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    assert len(blocks) == 3
    for line in "".join(blocks).replace("\\\n", " ").splitlines():
        program, *arguments = shlex.split(line)
        assert program == "mgnas"
        arguments = [
            word.replace("postgresql+psycopg://db.example/studies", postgres_url) for word in arguments
        ]
        done = mgnas(*arguments, cwd=home)
        assert done.returncode == 0, f"{line}: {done.stderr}"
