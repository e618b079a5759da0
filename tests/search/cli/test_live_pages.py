"""``mgnas report --watch`` and ``mgnas dashboard``: they serve until Ctrl-C."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import command, mgnas
from tests.support.waiting import MOST_S

STREAMS: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


@contextmanager
def serving(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that serves a page, and the page's address."""
    with subprocess.Popen(command(*arguments, "--port", "0"), cwd=home, **STREAMS) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()[1]
        finally:
            process.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["report", "runs/tiny", "--watch"], "mgnas report"), (["dashboard", "runs/tiny"], "Optuna Dashboard")],
)
def test_a_page_is_served_until_ctrl_c(finished: Path, arguments: list[str], words: str) -> None:
    with serving(finished, *arguments) as (process, address):
        with urllib.request.urlopen(address, timeout=MOST_S) as reply:
            assert words in reply.read().decode()
        if arguments[0] == "report":
            assert process.stdout is not None
            assert process.stdout.readline() == "the study is complete; the page shows its final state\n"
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=MOST_S)
    assert (process.returncode, stderr) == (130, "")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["report", "runs/tiny", "--watch"], ["dashboard", "runs/tiny"]])
def test_a_study_that_vanishes_ends_its_page_with_one_line(finished: Path, arguments: list[str]) -> None:
    with serving(finished, *arguments) as (process, _):
        shutil.move(finished / "runs" / "tiny", finished / "moved")
        _, stderr = process.communicate(timeout=MOST_S)
    assert process.returncode == 2
    assert stderr == "mgnas: runs/tiny no longer holds the study; it was moved or deleted\n"


@pytest.mark.parametrize("arguments", [["report", "runs/tiny", "--watch"], ["dashboard", "runs/tiny"]])
def test_a_port_in_use_is_one_line(finished: Path, arguments: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        run = mgnas(*arguments, "--port", port, cwd=finished)
    assert run.returncode == 2
    assert run.stderr == f"mgnas: port {port} is in use; choose another (--port 0 takes a free one)\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", "8000"], "--port requires --watch"),
        (["--watch", "-o", "x.html"], "--watch and --output exclude each other"),
        (["--watch", "--port", "70000"], "--port must be from 0 (any free port) to 65535, but got 70000"),
    ],
)
def test_wrong_options_of_a_report_are_one_line(finished: Path, options: list[str], message: str) -> None:
    run = mgnas("report", "runs/tiny", *options, cwd=finished)
    assert (run.returncode, run.stderr) == (2, f"mgnas: {message}\n")
