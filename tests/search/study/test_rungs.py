"""Studies with pauses at rungs, from the command line, with real training."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from results.open import Study, open_study
from results.storage.study_files import sqlite_url
from search.study.folder import StudyFolder
from tests.search.study.test_faults import STUDY, num_epochs, search_in
from tests.support.command_line import mgnas
from tests.support.studies import write_study
from tests.support.waiting import MOST_S, wait_until

SCHEDULERS = ("asha", "freeze_thaw")


def write_rungs(folder: Path, scheduler: str, trials: int = 9, workers: int = 2, images: int = 96) -> None:
    file = write_study(folder, epochs=9, trials=trials, workers=workers, images=images)
    text = file.read_text(encoding="utf-8")
    text = text.replace('sampler = "tpe"', f'sampler = "frontier"\nscheduler = "{scheduler}"')
    text = text.replace("lr = 0.1", "lr = 0.015")  # so slow that networks differ at the end
    file.write_text(text, encoding="utf-8")


def decisions(study: Study) -> list[tuple[object, ...]]:
    return [(r.arch, r.seed, r.state, r.epochs, r.val_accuracy) for r in study.records]


def stop_after(home: Path, driver: subprocess.Popen[str], num: int, signum: signal.Signals) -> None:
    """Send a signal to the search once that many epochs are recorded, one of its own among them at least.

    Make sure that it was hit by it.
    """
    num = max(num, num_epochs(home) + 1)
    wait_until(lambda: num_epochs(home) >= num, f"{num} epochs", within=driver)
    os.kill(driver.pid, signum)
    assert driver.wait(timeout=MOST_S) == (130 if signum == signal.SIGINT else -signum)
    study = open_study(home / STUDY)
    assert study.num_epochs >= num
    assert not study.complete


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_some_go_on_and_the_others_are_stopped(tmp_path: Path, scheduler: str) -> None:
    write_rungs(tmp_path, scheduler, trials=24, workers=1)
    run = mgnas("search", "tiny.toml", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    study = open_study(tmp_path / STUDY)
    assert len(study.records) == 24
    complete, failed = ([r for r in study.records if r.state == state] for state in ("complete", "failed"))
    stopped = 24 - len(complete) - len(failed)
    assert complete
    assert stopped or scheduler == "freeze_thaw"  # which may see something in all of them
    for record in study.records:
        if record.state == "failed":
            assert (record.reason or "").startswith("stuck")
            continue
        assert record.state in ("complete", "stopped")
        assert record.epochs in (1, 3, 9)
        assert (record.epochs == 9) == (record.state == "complete") == (record.val_accuracy is not None)
        assert len(study.reports[record.number]) == record.epochs
    assert not list((tmp_path / STUDY / "checkpoints").glob("*.checkpoint*"))
    facts = json.loads(mgnas("status", STUDY, "--json", cwd=tmp_path).stdout)
    assert facts["finished"] == 24
    assert facts["stopped"] == stopped
    assert facts["paused"] == facts["running"] == 0
    assert facts["epochs"] == sum(record.epochs for record in study.records)
    told = optuna.load_study(study_name="tiny", storage=sqlite_url(tmp_path / STUDY)).trials
    told_as = {"complete": TrialState.COMPLETE, "stopped": TrialState.PRUNED, "failed": TrialState.FAIL}
    assert [trial.state for trial in told] == [told_as[record.state] for record in study.records]
    again = mgnas("search", "tiny.toml", cwd=tmp_path)
    assert again.returncode == 0
    assert "all 24 trials are done" in again.stdout
    more = mgnas("search", "tiny.toml", "--trials", "27", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    longer = open_study(tmp_path / STUDY)
    assert decisions(longer)[:24] == decisions(study)
    assert len(longer.records) == 27


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_search_that_is_killed_decides_as_an_unbroken_one(tmp_path: Path, scheduler: str) -> None:
    unbroken, broken = tmp_path / "unbroken", tmp_path / "broken"
    for folder in (unbroken, broken):
        folder.mkdir()
        write_rungs(folder, scheduler, trials=14, workers=1, images=600)
    assert mgnas("search", "tiny.toml", cwd=unbroken).returncode == 0
    rng = random.Random(0)
    for num in (2, 6, 10):
        with search_in(broken) as driver:
            stop_after(broken, driver, num + rng.randrange(3), signal.SIGKILL)
    run = mgnas("search", "tiny.toml", cwd=broken)
    assert run.returncode == 0, run.stderr
    assert decisions(open_study(broken / STUDY)) == decisions(open_study(unbroken / STUDY))


@pytest.mark.slow
def test_epochs_are_a_budget_over_all_runs(tmp_path: Path) -> None:
    write_rungs(tmp_path, "asha", trials=30, workers=1)
    first = mgnas("search", "tiny.toml", "--set", "search.epochs=20", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "its 20 epochs are spent" in first.stdout
    before = open_study(tmp_path / STUDY)
    assert 20 <= before.num_epochs < 29
    again = mgnas("search", "tiny.toml", "--set", "search.epochs=20", cwd=tmp_path)
    assert again.returncode == 0
    assert decisions(open_study(tmp_path / STUDY)) == decisions(before)
    more = mgnas("search", "tiny.toml", "--set", "search.epochs=40", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    assert 40 <= open_study(tmp_path / STUDY).num_epochs < 49


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_verify_finds_recorded_decisions_the_same(tmp_path: Path, scheduler: str) -> None:
    write_rungs(tmp_path, scheduler, trials=14, workers=2)
    assert mgnas("search", "tiny.toml", cwd=tmp_path).returncode == 0
    before = (tmp_path / STUDY / "study.db").read_bytes()
    found = json.loads(mgnas("verify", STUDY, "--json", cwd=tmp_path).stdout)
    study = open_study(tmp_path / STUDY)
    promoted = sum(sum(rung < record.epochs for rung in (1, 3)) for record in study.records)
    stopped = sum(record.state == "stopped" for record in study.records)
    same = 14 + promoted + stopped
    assert found == {"study": str(STUDY), "same": same, "difference": None, "changed_versions": []}
    assert (tmp_path / STUDY / "study.db").read_bytes() == before
    # one epoch that went otherwise, and the decisions that it led to do not follow any more
    with closing(sqlite3.connect(tmp_path / STUDY / "study.db")) as database, database:
        database.execute("UPDATE mgnas_reports SET val_accuracy = 0.01 WHERE trial < 5")
    other = mgnas("verify", STUDY, cwd=tmp_path)
    assert other.returncode == 1
    assert re.search(r"after \d+ decisions as recorded: .*but now", other.stdout)
    assert "other versions" not in other.stdout
    refused = mgnas("simulate", STUDY, "tpe", cwd=tmp_path)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert f"run mgnas verify {STUDY}" in refused.stderr


def test_verify_names_changed_versions_where_a_decision_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rungs(tmp_path, "asha", trials=6)
    with monkeypatch.context() as patch:
        patch.setattr("search.study.environment._commit", lambda: 40 * "a")
        assert mgnas("search", "tiny.toml", cwd=tmp_path).returncode == 0
    monkeypatch.setattr("search.study.environment._commit", lambda: 40 * "b")
    same = mgnas("verify", STUDY, cwd=tmp_path)
    assert (same.returncode, same.stdout.count("\n")) == (0, 1)
    with closing(sqlite3.connect(tmp_path / STUDY / "study.db")) as database, database:
        database.execute("UPDATE mgnas_reports SET val_accuracy = 0.01 WHERE trial < 3")
    other = mgnas("verify", STUDY, cwd=tmp_path)
    assert other.returncode == 1
    assert "the study began with commit aaaaaaa, now bbbbbbb: other versions may decide" in other.stdout


def verified(folder: Path) -> dict[str, object]:
    run = mgnas("verify", STUDY, "--json", cwd=folder)
    assert run.returncode in (0, 1), run.stderr
    found: dict[str, object] = json.loads(run.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("scheduler", "signum"), [("asha", signal.SIGKILL), ("freeze_thaw", signal.SIGINT)])
def test_verify_interrupts_and_resumes_like_the_study(
    tmp_path: Path, scheduler: str, signum: signal.Signals
) -> None:
    write_rungs(tmp_path, scheduler, trials=16, workers=2, images=600)
    rng = random.Random(signum)
    for num in (3, 8, 13):
        with search_in(tmp_path) as driver:
            stop_after(tmp_path, driver, num + rng.randrange(3), signum)
        assert verified(tmp_path)["difference"] is None  # as far as it came
    assert mgnas("search", "tiny.toml", cwd=tmp_path).returncode == 0
    assert mgnas("search", "tiny.toml", "--trials", "19", cwd=tmp_path).returncode == 0
    found = verified(tmp_path)
    assert found["difference"] is None
    assert found["same"] >= 19
    with closing(sqlite3.connect(tmp_path / STUDY / "study.db")) as database, database:
        database.execute("UPDATE mgnas_reports SET val_accuracy = 0.01 WHERE trial < 5")
    assert verified(tmp_path)["difference"] is not None


def test_verify_refuses_a_running_study(tmp_path: Path) -> None:
    """What is written down in between would look like a difference."""
    write_study(tmp_path, trials=1)
    assert mgnas("search", "tiny.toml", cwd=tmp_path).returncode == 0
    with StudyFolder(tmp_path / STUDY).locked():
        refused = mgnas("verify", STUDY, cwd=tmp_path)
    assert refused.returncode == 2
    assert "a search is running in" in refused.stderr
    assert mgnas("verify", STUDY, cwd=tmp_path).returncode == 0


def test_verify_refuses_an_incomplete_ledger(tmp_path: Path) -> None:
    write_rungs(tmp_path, "asha", trials=5)
    assert mgnas("search", "tiny.toml", cwd=tmp_path).returncode == 0
    assert mgnas("search", "tiny.toml", "--trials", "7", cwd=tmp_path).returncode == 0
    with closing(sqlite3.connect(tmp_path / STUDY / "study.db")) as database, database:
        database.execute("UPDATE mgnas_events SET detail = '{}' WHERE kind = 'begin'")
    refused = mgnas("verify", STUDY, cwd=tmp_path)
    assert refused.returncode == 2
    assert "its ledger is damaged, the budgets of its runs are missing" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_study_begins_with_what_an_earlier_one_found(tmp_path: Path) -> None:
    write_rungs(tmp_path, "asha", trials=8)
    assert mgnas("search", "tiny.toml", cwd=tmp_path).returncode == 0
    warm = ("search", "tiny.toml", "--dir", "runs/warm", "--warm-start", STUDY)
    run = mgnas(*warm, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    shutil.rmtree(tmp_path / STUDY)  # it is no longer needed: what it found was copied
    again = mgnas("search", "runs/warm", "--trials", "10", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(open_study(tmp_path / "runs/warm").records) == 10
    gone = mgnas("search", "tiny.toml", "--dir", "runs/new", "--warm-start", STUDY, cwd=tmp_path)
    assert gone.returncode == 2
    assert f"search.warm_start = '{tmp_path / STUDY}': there is no such folder" in gone.stderr
    assert not (tmp_path / "runs/new").exists()


def test_freeze_and_thaw_needs_the_frontier_sampler(tmp_path: Path) -> None:
    write_study(tmp_path)
    run = mgnas("search", "tiny.toml", "--set", "search.scheduler=freeze_thaw", cwd=tmp_path)
    assert run.returncode == 2
    assert "search.sampler = 'frontier'" in run.stderr
    assert run.stderr.count("\n") == 1
