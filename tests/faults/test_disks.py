"""A full disk, a read-only folder, a moved folder, and no shared memory."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from results.open import open_study
from tests.faults.mounts import read_only, small_disk, with_read_only
from tests.faults.small_search import SmallSearch
from tests.support.command_line import mgnas

KIB = 1024


def fill(disk: Path, *, left_kib: int) -> Path:
    """Fill a disk up to so many KiB."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):  # the search writes meanwhile
        while shutil.disk_usage(disk).free > left_kib * KIB:
            file.write(bytes(4 * KIB))
    return ballast


@pytest.mark.parametrize("left_kib", [0, 24, 96])
def test_full_disk_is_one_line_and_the_study_continues_with_room(search: SmallSearch, left_kib: int) -> None:
    """With no room the database fails first, with some the checkpoints do."""
    with small_disk(search.home / "runs", 16) as disk:
        search.start()
        search.wait_for_epochs(3)
        ballast = fill(disk, left_kib=left_kib)
        before = search.curves()
        assert search.wait() == 1, search.stderr
        search.check_end_of_run()
        assert "space" in search.stderr.splitlines()[-1]
        ballast.unlink()
        search.finish(before)


def test_folder_that_becomes_read_only_is_one_line_and_the_study_continues_later(search: SmallSearch) -> None:
    search.start()
    search.wait_for_epochs(3)
    with read_only(search.folder):
        before = search.curves()
        assert search.wait() in (1, 2), search.stderr
        search.check_end_of_run()
        assert "read-only" in search.stderr.splitlines()[-1] or "readonly" in search.stderr.splitlines()[-1]
        for name in ("status", "front"):
            assert "Traceback" not in mgnas(name, search.folder, cwd=search.home).stderr
    search.finish(before)


def test_folder_that_is_moved_during_a_pause_is_a_whole_study(search: SmallSearch) -> None:
    search.start()
    search.wait_for_epochs(3)
    search.kill()
    before = search.curves()
    moved = search.home / "elsewhere" / "tiny"
    moved.parent.mkdir()
    search.folder.rename(moved)
    run = mgnas("search", "elsewhere/tiny", cwd=search.home)
    assert run.returncode == 0, run.stderr
    search.folder = moved
    search.check_books(before)


def test_folder_that_is_moved_while_its_search_runs_ends_the_search_in_one_line(search: SmallSearch) -> None:
    search.start()
    search.wait_for_epochs(3)
    moved = search.home / "moved"
    search.folder.rename(moved)
    assert search.wait() in (1, 2), search.stderr
    search.check_end_of_run()
    assert not search.folder.exists()
    moved.rename(search.folder)
    search.finish(search.curves())


def test_read_only_shared_memory_is_no_reason_to_fail(search: SmallSearch) -> None:
    search.start(within=with_read_only(Path("/dev/shm")))
    assert search.wait() == 0, search.stderr
    search.check_end_of_run()
    search.check_books({})


def test_images_that_vanish_during_the_search_are_named_when_a_worker_needs_them(search: SmallSearch) -> None:
    search.start()
    search.wait_for_epochs(3)
    images = search.home / "images.npz"
    away = images.rename(search.home / "away.npz")
    search.send(search.workers()[0], 9)
    assert search.wait() in (1, 2), search.stderr
    search.check_end_of_run()
    assert "images.npz" in search.stderr.splitlines()[-1]
    before = search.curves()
    again = mgnas("search", "tiny.toml", cwd=search.home)
    assert again.returncode == 2
    assert "images.npz" in again.stderr
    away.rename(images)
    search.finish(before)
    assert open_study(search.folder).complete
