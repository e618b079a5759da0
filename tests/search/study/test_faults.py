"""Real faults: signals to driver and workers, and a full disk."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd
import pytest

from results.open import Study, open_study
from search.study.event_log import EVENTS
from space.core.errors import MgnasError
from tests.support.command_line import command, mgnas
from tests.support.gate import write_gated_study
from tests.support.studies import write_study
from tests.support.waiting import MOST_S, wait_until
from tests.support.warm_workers import command_with_warm_workers

STUDY = Path("runs/tiny")
ENDLESS = 10_000
"""More trials than any machine trains before a test ends their search."""


@contextmanager
def search_in(
    home: Path, *arguments: str, env: Mapping[str, str] | None = None, cold: bool = False
) -> Iterator[subprocess.Popen[str]]:
    """A search in the background, killed at the end if it still runs; ``cold`` workers are its children."""
    started = command if cold else command_with_warm_workers
    driver = subprocess.Popen(
        started("search", "tiny.toml", *arguments),
        cwd=home,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with driver:
        try:
            yield driver
        finally:
            driver.kill()


def study_in(home: Path) -> Study | None:
    """Return the study; None if it is not made yet."""
    try:
        return open_study(home / STUDY)
    except MgnasError:
        return None


def wait_for(home: Path, num_finished: int) -> Study:
    """Wait until so many trials have finished, and return the study."""

    def look() -> Study | None:
        study = study_in(home)
        return study if study is not None and study.num_finished >= num_finished else None

    found: Study = wait_until(look, f"{num_finished} finished trials")
    return found


def wait_until_busy(home: Path, num_workers: int) -> None:
    """Wait until so many trials are in the first half of their training at once."""

    def is_busy() -> bool:
        study = study_in(home)
        records = [] if study is None else study.records
        busy = [r for r in records if r.state == "running" and 1 <= r.epochs < r.max_epochs // 2]
        return len(busy) >= num_workers

    wait_until(is_busy, f"{num_workers} trainings at once")


def num_epochs(home: Path) -> int:
    """Return the number of epochs that are recorded."""
    study = study_in(home)
    return 0 if study is None else study.num_epochs


def wait_for_epochs(home: Path, driver: subprocess.Popen[str], more: int) -> None:
    """Wait until so many more epochs are recorded than now, or until the search ends."""
    end = num_epochs(home) + more
    wait_until(lambda: driver.poll() is not None or num_epochs(home) >= end, f"{more} more epochs")


def workers_of(driver: subprocess.Popen[str]) -> list[int]:
    children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()
    return [int(pid) for pid in children]


def worker_of(home: Path) -> int:
    """Return the process in which the last job of a search began."""
    lines = (home / STUDY / "logs" / EVENTS).read_text("utf-8").splitlines()
    pid: int = [line["pid"] for line in map(json.loads, lines) if line["event"] == "job_began"][-1]
    return pid


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_nobody_hears_of_is_one_all_the_same(tmp_path: Path, blow: signal.Signals) -> None:
    """As under ``2>&1 | tee log``, which Ctrl-C ends as well."""
    write_study(tmp_path, trials=ENDLESS, epochs=3)
    with search_in(tmp_path) as driver:
        wait_for(tmp_path, 1)
        assert driver.stderr is not None
        driver.stderr.close()
        driver.send_signal(blow)
        assert driver.wait(timeout=MOST_S) == {signal.SIGINT: 130, signal.SIGTERM: 143}[blow]


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM])
def test_many_signals_at_once_end_a_search_as_one_does(tmp_path: Path, blow: signal.Signals) -> None:
    """As when Ctrl-C is held down; the last ones meet Python while it shuts down."""
    write_study(tmp_path, trials=ENDLESS, epochs=3)
    with search_in(tmp_path) as driver:
        wait_for(tmp_path, 1)
        while driver.poll() is None:
            driver.send_signal(blow)
            time.sleep(0.01)
        _, stderr = driver.communicate(timeout=MOST_S)
    assert driver.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[blow]
    assert stderr.count("stopped; finished epochs and trials are kept. Resume with: mgnas search") == 1
    assert "Traceback" not in stderr


def check_complete(home: Path, total: int, before: Study) -> None:
    run = mgnas("search", "tiny.toml", "--trials", str(total), cwd=home)
    assert run.returncode == 0, run.stderr
    after = open_study(home / STUDY)
    assert [record.number for record in after.records] == list(range(total))
    assert all(record.state == "complete" for record in after.records)
    done_before = [record for record in before.records if record.state == "complete"]
    by_number = {record.number: record for record in after.records}
    for record in done_before:
        kept = by_number[record.number]
        assert (kept.arch, kept.val_accuracy, kept.finished_s) == (
            record.arch,
            record.val_accuracy,
            record.finished_s,
        )
    for record in after.front_records:
        assert (home / STUDY / str(record.weights)).is_file()
    assert not list((home / STUDY).rglob("*.part"))


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_finished_is_lost_when_the_driver_is_stopped(tmp_path: Path, blow: signal.Signals) -> None:
    write_study(tmp_path, trials=10, epochs=3)
    with search_in(tmp_path, "--trials", str(ENDLESS), cold=True) as driver:
        before = wait_for(tmp_path, 2)
        workers = workers_of(driver)
        assert len(workers) == 2
        driver.send_signal(blow)
        _, stderr = driver.communicate(timeout=MOST_S)
    assert driver.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(blow, -blow)
    if blow != signal.SIGKILL:
        assert "Resume with: mgnas search" in stderr
        assert "Traceback" not in stderr
    wait_until(lambda: not any(map(is_alive, workers)), "the end of the workers")
    facts = json.loads(mgnas("status", STUDY, "--json", cwd=tmp_path).stdout)
    assert facts["running"] == 0
    check_complete(tmp_path, max(10, len(open_study(tmp_path / STUDY).records)), before)


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_trial_runs_again(tmp_path: Path) -> None:
    gate = write_gated_study(tmp_path)
    with search_in(tmp_path, env=gate.environment()) as driver:
        gate.wait_for(2, driver)
        before = open_study(tmp_path / STUDY)
        os.kill(gate.waiting()[0], signal.SIGKILL)
        gate.open()
        _, stderr = driver.communicate(timeout=MOST_S)
    assert driver.returncode == 0, stderr
    assert "its worker was killed by signal 9; it resumes from its last checkpoint" in stderr
    assert any(record.attempts == 2 for record in open_study(tmp_path / STUDY).records)
    check_complete(tmp_path, 4, before)


@pytest.mark.slow
def test_kills_at_random_moments_change_nothing(tmp_path: Path) -> None:
    """Workers and drivers are killed again and again; curves and weights are the same to the last bit."""
    rng = random.Random(1)
    for name in ("calm", "killed"):
        (tmp_path / name).mkdir()
        write_study(tmp_path / name, trials=2, epochs=12, images=1500, workers=1)
    assert mgnas("search", "tiny.toml", cwd=tmp_path / "calm").returncode == 0
    for kill_driver in (True, False, True, True):
        with search_in(tmp_path / "killed") as driver:
            wait_for_epochs(tmp_path / "killed", driver, rng.randint(1, 4))
            time.sleep(rng.uniform(0, 0.3))
            with suppress(ProcessLookupError):  # it has ended
                os.kill(driver.pid if kill_driver else worker_of(tmp_path / "killed"), signal.SIGKILL)
            if not kill_driver:
                wait_for_epochs(tmp_path / "killed", driver, 1)
    assert mgnas("search", "tiny.toml", cwd=tmp_path / "killed").returncode == 0
    calm, killed = (open_study(tmp_path / name / STUDY) for name in ("calm", "killed"))
    curves = [study.curves().drop(columns="seconds") for study in (calm, killed)]
    pd.testing.assert_frame_equal(*curves, check_exact=True)
    assert sum(record.attempts for record in killed.records) > 2, "nothing was hit"
    for record in calm.front_records:
        files = [study.folder / str(record.weights) for study in (calm, killed)]
        assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.slow
def test_two_drivers_do_not_share_a_folder(tmp_path: Path) -> None:
    gate = write_gated_study(tmp_path)
    with search_in(tmp_path, env=gate.environment()) as driver:
        gate.wait_for(1, driver)
        second = mgnas("search", "tiny.toml", cwd=tmp_path)
        facts = json.loads(mgnas("status", STUDY, "--json", cwd=tmp_path).stdout)
    assert second.returncode == 2
    assert "another mgnas is at work" in second.stderr
    assert facts["running"] > 0


def test_a_training_that_diverges_is_recorded_as_failed(tmp_path: Path) -> None:
    write_study(tmp_path, trials=3, epochs=2)
    run = mgnas("search", "tiny.toml", "--set", "train.lr=1e30", cwd=tmp_path)
    assert run.returncode == 1, run.stderr
    assert "no trial has a result; 3 failed, the last one: diverged" in run.stderr.splitlines()[-1]
    results = open_study(tmp_path / STUDY)
    assert [record.state for record in results.records] == ["failed"] * 3
    front = mgnas("front", STUDY, cwd=tmp_path).stdout
    assert front.startswith("tiny: no trial has a result; 3 failed, the last one: diverged")
    picked = mgnas("export", STUDY, "--pick", "best", cwd=tmp_path)
    assert "no trial has a result; 3 failed" in picked.stderr
    assert all("diverged" in str(record.reason) for record in results.records)


def test_a_search_in_which_everything_fails_stops_early(tmp_path: Path) -> None:
    write_study(tmp_path, trials=40, epochs=2)
    run = mgnas("search", "tiny.toml", "--set", "train.lr=1e30", cwd=tmp_path)
    assert run.returncode == 1
    assert "5 trials failed in a row for the same reason: diverged" in run.stderr.splitlines()[-1]
    assert 5 <= len(open_study(tmp_path / STUDY).records) <= 7


@pytest.mark.slow
def test_workers_that_cannot_start_are_named(tmp_path: Path) -> None:
    """A torch that cannot be imported stands in for whatever is wrong with an installation."""
    write_study(tmp_path, trials=4)
    (tmp_path / "broken" / "torch").mkdir(parents=True)
    (tmp_path / "broken" / "torch" / "__init__.py").write_text(
        "raise ImportError('broken')", encoding="utf-8"
    )
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "broken")}
    run = subprocess.run(
        command("search", "tiny.toml"),
        cwd=tmp_path, capture_output=True, text=True, timeout=MOST_S, check=False, env=environment,
    )  # fmt: skip
    assert run.returncode == 1
    assert "workers on cpu do not start" in run.stderr.splitlines()[-1]
    assert "broken" in (tmp_path / STUDY / "logs" / "worker-0.log").read_text("utf-8")


@pytest.mark.slow
def test_with_one_worker_a_killed_search_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        write_study(tmp_path / name, trials=16, epochs=1, workers=1)
    with search_in(tmp_path / "killed", "--trials", str(ENDLESS)):
        wait_for(tmp_path / "killed", 4)
    trials = str(max(16, len(open_study(tmp_path / "killed" / STUDY).records)))
    for name in ("whole", "killed"):
        assert mgnas("search", "tiny.toml", "--trials", trials, cwd=tmp_path / name).returncode == 0
    whole, killed = (
        [(r.arch, r.seed, r.val_accuracy) for r in open_study(tmp_path / name / STUDY).records]
        for name in ("whole", "killed")
    )
    assert whole == killed


@pytest.mark.slow
@pytest.mark.parametrize("kibibytes", [40, 120])
def test_no_space_left_is_one_line_and_the_study_goes_on_later(tmp_path: Path, kibibytes: int) -> None:
    """A limit on the size of files stands in for a full disk: SQLite and the system refuse writes alike."""
    write_study(tmp_path, trials=6)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kibibytes * 1024, kibibytes * 1024))

    run = subprocess.run(
        command("search", "tiny.toml"),
        cwd=tmp_path, capture_output=True, text=True, timeout=MOST_S, check=False, preexec_fn=limit,
    )  # fmt: skip
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert sum(line.startswith("mgnas: ") for line in run.stderr.splitlines()) == 1
    again = mgnas("search", "tiny.toml", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert open_study(tmp_path / STUDY).num_finished == 6


@pytest.mark.slow
def test_a_report_that_cannot_be_written_ends_no_search(tmp_path: Path) -> None:
    """The ledger has room, the report of 5 MB has none; with room again, the same command writes it."""
    write_study(tmp_path, trials=3)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2 * 2**20, 2 * 2**20))

    run = subprocess.run(
        command("search", "tiny.toml"),
        cwd=tmp_path, capture_output=True, text=True, timeout=MOST_S, check=False, preexec_fn=limit,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "study runs/tiny is complete: all 3 trials are done" in run.stdout
    assert "val. accuracy" in run.stdout
    assert "report: not written" in run.stdout
    warnings = [line for line in run.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 1
    assert "cannot write runs/tiny/report.html: File too large" in warnings[0]
    assert (tmp_path / STUDY / "front.csv").exists()
    again = mgnas("search", "tiny.toml", cwd=tmp_path)
    assert "report: runs/tiny/report.html" in again.stdout
    assert (tmp_path / STUDY / "report.html").stat().st_size > 2 * 2**20
