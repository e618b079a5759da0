"""The report of a running search, as a page that refreshes itself."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from results.report.live import LiveReport
from results.storage.driver_lock import LOCK
from results.storage.ledger import Ledger
from results.storage.study_files import sqlite_url
from search.study.folder import StudyFolder
from space.core.errors import InvalidInputError
from tests.support.factories import make_header, make_trial


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    (tmp_path / "study.toml").write_text('name = "test"\n', encoding="utf-8")
    with closing(Ledger.create(sqlite_url(tmp_path, "rwc"), make_header(trials=2))) as found:
        found.write_trial(make_trial(0), event="finish", clock_s=1.0)
        yield found


def ask(report: LiveReport, path: str = "/") -> tuple[str, str]:
    """Return the status and the body of an answer."""
    found: list[str] = []
    body = b"".join(report({"PATH_INFO": path}, lambda status, _: found.append(status)))
    return found[0], body.decode()


def state(report: LiveReport) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ask(report, "/state")[1])
    return found


def test_the_page_is_the_report_with_a_script_that_may_ask_its_server(ledger: Ledger, tmp_path: Path) -> None:
    status, page = ask(LiveReport(tmp_path))
    assert status == "200 OK"
    assert '<script data-version="1">' in page
    assert page.count("connect-src 'self'") == 1
    assert "default-src 'none'" in page
    assert not (tmp_path / "report.html").exists()


def test_an_unknown_path_is_not_found(ledger: Ledger, tmp_path: Path) -> None:
    assert ask(LiveReport(tmp_path), "/../study.db")[0] == "404 Not Found"


def test_the_page_is_written_again_only_after_a_change(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("results.report.live.LEAST_GAP_S", 0.0)
    monkeypatch.setattr("results.report.live.MOST_LOAD", 1e9)
    report = LiveReport(tmp_path)
    assert state(report)["version"] == "1"
    report.refresh()
    assert state(report)["version"] == "1"
    ledger.write_trial(make_trial(1, params=77_777, val_accuracy=0.95), event="finish", clock_s=2.0)
    report.refresh()
    assert state(report)["version"] == "2"
    assert "77,777" in ask(report)[1]


def test_the_page_is_not_written_while_nobody_looks(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("results.report.live.LEAST_GAP_S", 0.0)
    monkeypatch.setattr("results.report.live.MOST_LOAD", 1e9)
    report = LiveReport(tmp_path)
    ledger.write_trial(make_trial(1), event="finish", clock_s=2.0)
    report.refresh()
    assert state(report)["version"] == "1"
    report.refresh()
    assert state(report)["version"] == "2"


def test_the_state_says_whether_a_search_runs_and_is_complete(ledger: Ledger, tmp_path: Path) -> None:
    assert LiveReport(tmp_path).state == "stopped"
    with StudyFolder(tmp_path).locked():
        report = LiveReport(tmp_path)
        assert state(report)["state"] == "searching"
        assert state(report)["text"].startswith("searching: 1 of 2 trials, ")
        ledger.write_trial(make_trial(1), event="finish", clock_s=2.0)
    report.refresh()  # at once, although the last page is new
    assert (state(report)["state"], state(report)["text"]) == ("complete", "complete")


def test_a_study_that_vanishes_is_one_line(ledger: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tmp_path, folder, ignore=shutil.ignore_patterns("copy", LOCK))
    report = LiveReport(folder)
    shutil.rmtree(folder)
    with pytest.raises(InvalidInputError, match="no longer holds the study; it was moved or deleted"):
        report.refresh()
