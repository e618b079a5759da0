"""Exit codes of the command line: 0 success, 1 failure, 2 refused input, 130 Ctrl-C. Errors are one line."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from search.cli.main import run
from tests.support.studies import write_images
from tests.support.waiting import MOST_S

NETWORK = "MgNet[1,1]-4-B^l"


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


def test_success_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("arguments", [["serach"], ["search", "--trials", "x"], ["front", "nowhere"]])
def test_refused_input_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_figures_without_kaleido_are_2_and_as_html_0(
    finished: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    arguments = ["report", "runs/tiny", "--figures", "figures"]
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "pip install 'mgnas[images]'" in error
    assert run([*arguments, "--formats", "html"]) == 0
    printed = capsys.readouterr()
    assert str(Path("figures", "front.html")) in printed.out
    assert Path("figures", "front.html").is_file()
    assert "no figure hypervolume-energy: " in printed.err


def test_an_unusable_path_is_2(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", "runs/tiny", "-o", "tiny.toml/report.html"]) == 2
    error = capsys.readouterr().err
    assert "tiny.toml" in error
    assert "Run the same command again" not in error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_full_disk_is_1() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mgnas", "presets"],
            stdout=full, stderr=subprocess.PIPE, text=True, timeout=MOST_S, check=False,
        )  # fmt: skip
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert done.stderr.count("\n") == 1


def test_trainings_without_a_result_are_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path)
    monkeypatch.chdir(tmp_path)
    options = ["--data", "npz:images.npz", "--epochs", "1", "--set", "train.lr=1e30"]
    assert run(["train", NETWORK, *options]) == 1
    assert "no training has a result" in last_line(capsys)


def test_a_difference_found_by_verify_is_1(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "runs/tiny"]) == 0
    with closing(sqlite3.connect("runs/tiny/study.db")) as database, database:
        database.execute("UPDATE mgnas_trials SET seed = 7 WHERE number = 2")
    assert run(["verify", "runs/tiny"]) == 1
    assert "decisions as recorded: " in capsys.readouterr().out
