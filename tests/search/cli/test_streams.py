"""Standard streams that are closed, unread or in a small encoding: correct exit codes and files."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import command
from tests.support.studies import write_images
from tests.support.waiting import MOST_S

TRAIN = ("train", "MgNet[1,1]-4-B^l", "--data", "npz:images.npz", "--epochs", "1")


def shell(line: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which MGNAS stands for the command."""
    line = line.replace("MGNAS", shlex.join(command()))
    return subprocess.run(
        ["bash", "-c", line], cwd=cwd, env=os.environ | variables,
        capture_output=True, text=True, timeout=MOST_S, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("line", ["MGNAS presets", "MGNAS presets --json", "MGNAS --help"])
def test_output_that_nobody_reads_is_no_error(tmp_path: Path, line: str) -> None:
    run = shell(f"{line} | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("reader", ["| true", "2>&1 | head -0", "2>/dev/full"])
def test_a_training_that_nobody_listens_to_goes_on(tmp_path: Path, reader: str) -> None:
    write_images(tmp_path)
    run = shell(f"MGNAS {shlex.join(TRAIN)} -o one --json {reader}; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert run.returncode == 0
    assert "Traceback" not in run.stderr
    assert (tmp_path / "one" / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MGNAS front nowhere 2>&-", 2),
        ("MGNAS front nowhere >&- 2>&-", 2),
        ("MGNAS front nowhere 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}", 2),
        ("MGNAS version >&-", 0),
        (f"MGNAS {shlex.join(TRAIN)} -o one 2>&-", 0),
        (f"MGNAS {shlex.join(TRAIN)} -o one >&- 2>&-", 0),
    ],
)
def test_closed_streams_change_no_exit_code(tmp_path: Path, line: str, code: int) -> None:
    write_images(tmp_path)
    run = shell(line, tmp_path)
    assert (run.returncode, run.stderr) == (code, "")
    if "train" in line:
        assert (tmp_path / "one" / ".lock").read_bytes().isdigit()  # the driver's process, and no output


@pytest.mark.slow
def test_names_that_the_encoding_lacks_are_written_as_escapes(tmp_path: Path) -> None:
    write_images(tmp_path)
    run = shell(f"MGNAS {shlex.join(TRAIN)} -o 'r é 日'", tmp_path, PYTHONIOENCODING="ascii")
    assert run.returncode == 0, run.stderr
    assert "r \\xe9 \\u65e5/report.html" in run.stdout
    assert (tmp_path / "r é 日" / "report.html").exists()
