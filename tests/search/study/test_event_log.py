"""The event log: complete JSON lines, bounded in size, and no error of the disk reaches the search."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from search.study import event_log
from search.study.event_log import EARLIER_EVENTS, EVENTS, EventLog, logged_run
from space.core.errors import MgnasError


def lines_of(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_lines_have_time_host_process_and_the_known_fields(tmp_path: Path) -> None:
    EventLog(tmp_path).write("job_ended", trial=3, reason=None, network="MgNet é")
    (line,) = lines_of(tmp_path / EVENTS)
    assert (line["event"], line["pid"], line["trial"], line["network"]) == (
        "job_ended",
        os.getpid(),
        3,
        "MgNet é",
    )
    assert "reason" not in line
    assert str(line["time"]).endswith("+00:00")


def test_log_keeps_one_earlier_file_of_bounded_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "MOST_BYTES", 1000)
    log = EventLog(tmp_path)
    for number in range(50):
        log.write("tick", number=number)
    files = [tmp_path / EARLIER_EVENTS, tmp_path / EVENTS]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(file.stat().st_size <= 1000 for file in files)
    numbers = [line["number"] for file in files for line in lines_of(file)]
    assert numbers == list(range(50 - len(numbers), 50))


def test_log_without_a_folder_is_silent_and_continues_when_there_is_one(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "logs")
    log.write("lost")
    (tmp_path / "logs").mkdir()
    log.write("kept")
    assert [line["event"] for line in lines_of(tmp_path / "logs" / EVENTS)] == ["kept"]


def test_torn_line_does_not_spoil_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = os.write
    log = EventLog(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda descriptor, data: whole(descriptor, data[:20]))
        log.write("torn")
    log.write("whole")
    torn, line = (tmp_path / EVENTS).read_text("utf-8").splitlines()
    assert len(torn) == 20
    assert json.loads(line)["event"] == "whole"


def test_run_that_fails_is_logged_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(MgnasError), logged_run(EventLog(tmp_path), {"workers": 2}):
        raise MgnasError("no space")
    began, ended = lines_of(tmp_path / EVENTS)
    assert (began["event"], began["workers"]) == ("run_began", 2)
    assert (ended["event"], ended["outcome"], ended["reason"]) == ("run_ended", "failed", "no space")
