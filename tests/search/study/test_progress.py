"""Progress on a terminal and elsewhere; stdout is reserved for the command's output."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import termios
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from results.forecast import Forecast
from search.study.progress import Bar, Plain
from search.study.snapshot import Snapshot
from tests.support.command_line import command
from tests.support.studies import write_study
from tests.support.waiting import MOST_S


def run_on_a_terminal(arguments: list[str], cwd: Path) -> tuple[str, str]:
    """Run mgnas with stderr on a pseudo-terminal; return stdout and what the terminal was sent."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    chunks: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(master, 4096):
                chunks.append(chunk)
        except OSError:  # the other end was closed
            return

    reader = threading.Thread(target=read)
    reader.start()
    run = subprocess.run(
        command(*arguments), cwd=cwd, env=variables | {"TERM": "xterm"},
        stdout=subprocess.PIPE, stderr=slave, text=True, timeout=MOST_S, check=True,
    )  # fmt: skip
    os.close(slave)
    reader.join()
    os.close(master)
    return run.stdout, b"".join(chunks).decode()


@pytest.mark.slow
def test_a_bar_moves_on_a_terminal_and_leaves_it_in_order(tmp_path: Path) -> None:
    write_study(tmp_path, trials=3, epochs=1)
    out, terminal = run_on_a_terminal(["search", "tiny.toml", "--json"], tmp_path)
    assert json.loads(out)["trials"] == 3
    assert "3/3" in terminal
    assert "hypervolume" in terminal
    assert terminal.count("\x1b[?25l") == terminal.count("\x1b[?25h")  # the cursor, hidden and shown again
    out, terminal = run_on_a_terminal(["search", "tiny.toml", "--json"], tmp_path)
    assert json.loads(out)["complete"]
    assert terminal == ""


def test_a_bar_on_a_narrow_terminal_stays_one_line_with_count_and_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "72")
    master, slave = pty.openpty()
    with os.fdopen(slave, "w", encoding="utf-8") as stream:
        bar = Bar(stream, "trials")
        bar.update(replace(snapshot(9), running=((3, 2, 10), (4, 0, 10)), epochs_per_min=14.0))
        bar.close()
    chunks: list[bytes] = []
    with suppress(OSError):  # the other end was closed
        while chunk := os.read(master, 4096):
            chunks.append(chunk)
    shown = b"".join(chunks).decode()
    os.close(master)
    line = next(line for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).splitlines() if "9/10" in line)
    assert "left 1 min 15 s, best 50.00 %, front 2" in line
    assert len(line.strip("\r")) <= 72


def snapshot(done: int, best: float | None = 0.5) -> Snapshot:
    return Snapshot(done, 10, 0, front_size=2, hypervolume=0.25, best_accuracy=best, forecast=Forecast(75.0))


def test_plain_lines_come_now_and_then_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("search.study.progress.time.monotonic", lambda: now)
    stream = io.StringIO()
    plain = Plain(stream, "trials")
    for second in range(30):
        now = float(second)
        plain.update(snapshot(second // 3))
    plain.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 4
    assert lines[-1] == "trials 9/10, left 1 min 15 s, best 50.00 %, front 2, hypervolume 0.2500"


def test_plain_lines_come_less_often_in_long_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("search.study.progress.time.monotonic", lambda: now)
    stream = io.StringIO()
    plain = Plain(stream, "trials")
    for second in range(0, 10 * 3600, 5):
        now = float(second)
        plain.update(snapshot(second % 7))
    assert 300 <= len(stream.getvalue().splitlines()) <= 600


def test_before_anything_is_known() -> None:
    text = Snapshot(0, 10, 0, 0, 0.0, None, Forecast(None)).text()
    assert text == "left ?, best -, front 0, hypervolume 0.0000"
