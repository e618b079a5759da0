"""Damaged or missing weights after a search: an immediate message, and retraining to the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from results.open import open_study
from results.storage.records import TrialRecord
from search.cli.main import run

STUDY = Path("runs/tiny")


def front_files() -> list[tuple[TrialRecord, Path]]:
    return [(record, STUDY / str(record.weights)) for record in open_study(STUDY).front_records]


def flip_a_bit(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])


def of_another(path: Path) -> None:
    (other,) = [file for _, file in front_files() if file != path][:1]
    path.write_bytes(other.read_bytes())


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    code = run(list(arguments))
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return captured.err


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (flip_a_bit, "is damaged: it is not as it was written"),
        (lambda path: path.write_bytes(path.read_bytes()[:100]), "is not a safetensors file or is damaged"),
        (Path.unlink, "there is no file of weights"),
        (of_another, "holds the network"),
    ],
)
def test_lost_weights_of_the_front_are_named_when_the_study_is_complete(
    finished: Path, capsys: pytest.CaptureFixture[str], harm: Callable[[Path], object], reason: str
) -> None:
    assert "warning" not in said(capsys, "search", "runs/tiny")
    record, path = front_files()[0]
    harm(path)
    err = said(capsys, "search", "runs/tiny")
    assert f"warning: trial {record.number}: " in err
    assert reason in err
    assert f"train trial {record.number} again with: mgnas search runs/tiny --repair" in err


@pytest.mark.slow
def test_repair_trains_the_lost_networks_again_to_the_same_bits(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = front_files()
    before = {path: path.read_bytes() for _, path in files}
    study = open_study(STUDY)
    (first, damaged), (last, gone) = files[0], files[-1]
    flip_a_bit(damaged)
    gone.unlink()
    err = said(capsys, "search", "runs/tiny", "--repair")
    for record in (first, last):
        assert f"trial {record.number}, trained again, ended as recorded" in err
    assert {path: path.read_bytes() for _, path in files} == before
    after = open_study(STUDY)
    assert (after.records, after.reports) == (study.records, study.reports)
    assert run(["export", "runs/tiny", "--trial", str(first.number), "--formats", "safetensors"]) == 0
    capsys.readouterr()
    assert "trained again" not in said(capsys, "search", "runs/tiny", "--repair")
