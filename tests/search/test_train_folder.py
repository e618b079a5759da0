"""The note that a training runs: what the next run makes of one that was left."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.train_folder import MOST_HALVINGS, TrainFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainFolder:
    monkeypatch.setattr("search.train_folder.kills_for_memory", lambda: 7)
    return TrainFolder(tmp_path)


def halvings(folder: TrainFolder, left: str | bytes) -> int:
    """Return what a run begins with that finds a note which a killed one has left."""
    note = folder.path / "seed-3.running"
    note.write_bytes(left.encode() if isinstance(left, str) else left)
    with folder.running(3) as found:
        assert f'"halvings": {found}' in note.read_text()
    assert not note.exists()
    return found


@pytest.mark.parametrize(("before", "expected"), [(6, 3), (7, 2), (8, 2)])
def test_batches_are_halved_once_more_if_something_was_killed_for_memory_since(
    folder: TrainFolder, before: int, expected: int
) -> None:
    assert halvings(folder, f'{{"kills": {before}, "halvings": 2}}') == expected


@pytest.mark.parametrize(
    "left",
    ["", "[]", "[" * 100_000, b"\xff\xfe", "{}", '{"kills": 0, "halvings": Infinity}', '{"kills": "x"}'],
)
def test_a_damaged_note_is_none(folder: TrainFolder, left: str | bytes) -> None:
    assert halvings(folder, left) == 0


@pytest.mark.parametrize(("written", "expected"), [(10**9, MOST_HALVINGS), (-9, 0)])
def test_numbers_beyond_reason_are_cut_off(folder: TrainFolder, written: int, expected: int) -> None:
    assert halvings(folder, f'{{"kills": 0, "halvings": {written}}}') == expected


def test_a_run_that_was_stopped_leaves_no_note(folder: TrainFolder) -> None:
    with pytest.raises(KeyboardInterrupt), folder.running(3):
        raise KeyboardInterrupt
    assert not list(folder.path.iterdir())
