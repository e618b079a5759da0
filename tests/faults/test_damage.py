"""Torn and bit-flipped files of a study: each is named in one line, and what is intact is used."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable

import pytest

from tests.faults.small_search import SmallSearch
from tests.support.command_line import mgnas

SEED = 5


def torn(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) // 4, len(content))]


def flipped(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(8):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


DAMAGES = {"torn": torn, "flipped": flipped}
Damage = Callable[[bytes, random.Random], bytes]


@pytest.fixture
def interrupted(search: SmallSearch) -> SmallSearch:
    """A search whose driver was killed in the middle of a training."""
    search.start()
    search.wait_until(lambda: list(search.folder.glob("checkpoints/*.previous")), "a second checkpoint")
    search.kill()
    return search


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_checkpoint_is_replaced_by_the_previous_one(interrupted: SmallSearch, name: str) -> None:
    rng = random.Random(SEED)
    before = interrupted.curves()
    for file in interrupted.folder.glob("checkpoints/*.checkpoint"):
        file.write_bytes(DAMAGES[name](file.read_bytes(), rng))
    interrupted.start()
    assert interrupted.wait() == 0, interrupted.stderr
    interrupted.check_end_of_run()
    interrupted.check_books(before, is_verified=interrupted.num("retrain") == 0)
    logs = "".join(log.read_text("utf-8") for log in interrupted.folder.glob("logs/worker-*.log"))
    assert "cannot be used" in logs


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_of_both_checkpoints_repeats_the_training_with_the_same_result(
    interrupted: SmallSearch, name: str
) -> None:
    rng = random.Random(SEED)
    before = interrupted.curves()
    for file in interrupted.folder.glob("checkpoints/*.checkpoint*"):
        file.write_bytes(DAMAGES[name](file.read_bytes(), rng))
    interrupted.finish(before, is_verified=False)


def test_damaged_files_are_one_line_and_copies_mend_them(interrupted: SmallSearch) -> None:
    mgnas("status", interrupted.folder, cwd=interrupted.home)
    before = interrupted.curves()
    for file in ("study.toml", "study.db", "environment.json"):
        copies = {path: path.read_bytes() for path in interrupted.folder.glob(f"{file}*")}
        place = interrupted.folder / file
        for number, damage in enumerate([torn, flipped] * 3):
            place.write_bytes(damage(copies[place], random.Random(SEED + number)))
            for path in copies.keys() - {place}:
                path.unlink(missing_ok=True)  # the write-ahead log would mend the database
            for command in ("status", "front", "verify"):
                check_one_line(mgnas(command, interrupted.folder, cwd=interrupted.home))
        for path, content in copies.items():
            path.write_bytes(content)
    interrupted.finish(before)


def check_one_line(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode in (0, 1, 2), run.stderr
    assert "Traceback" not in run.stderr
    assert "bug" not in run.stderr, run.stderr
    assert run.stderr.count("\n") <= 1, run.stderr
