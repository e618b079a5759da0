"""Slots: the number of parallel trainings and their environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.executors.slots import Slot, check_compiler, check_threads, count_cores, find_slots
from space.core.errors import InvalidInputError


def test_one_slot_for_each_core_with_one_thread() -> None:
    slots = find_slots("cpu")
    assert len(slots) == count_cores() <= (os.cpu_count() or 1)
    assert all(slot.threads == 1 and slot.environment()["OMP_NUM_THREADS"] == "1" for slot in slots)
    assert all(slot.environment()["CUDA_VISIBLE_DEVICES"] == "" for slot in slots)


def test_a_number_of_workers_is_taken_as_it_is() -> None:
    assert len(find_slots("cpu", 5)) == 5


def test_trainings_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.slots.count_cores", lambda: 16)
    assert [slot.threads for slot in find_slots("cpu", num_jobs=3)] == [5, 5, 5]
    assert [slot.threads for slot in find_slots("cpu", num_jobs=40)] == [1] * 16
    assert [slot.threads for slot in find_slots("cpu", num_jobs=40, threads=6)] == [8, 8]
    assert [slot.threads for slot in find_slots("cpu", 2, num_jobs=1)] == [8, 8]


def test_gpus_are_shared_out_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.slots.count_gpus", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    visible = [slot.environment()["CUDA_VISIBLE_DEVICES"] for slot in find_slots("auto", 3)]
    assert visible == ["4", "7", "4"]
    assert len(find_slots("cuda")) == 2


def test_each_gpu_gets_its_number_of_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.slots.count_gpus", lambda: 2)
    assert [slot.gpu for slot in find_slots("cuda", trials_per_gpu=2)] == [0, 1, 0, 1]
    assert [slot.gpu for slot in find_slots("cuda", trials_per_gpu=1.5)] == [0, 1, 0]
    assert [slot.gpu for slot in find_slots("cuda", trials_per_gpu=0.5)] == [0]
    assert [slot.gpu for slot in find_slots("cuda", trials_per_gpu=0.1)] == [0]
    assert len(find_slots("cuda", 3, trials_per_gpu=8)) == 3


def test_more_workers_than_cores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.slots.count_cores", lambda: 4)
    check_threads("auto", find_slots("cpu", 4))
    with pytest.raises(InvalidInputError, match=r"search.workers must be at most 4 .*--workers 4 or auto"):
        check_threads("auto", find_slots("cpu", 5))


def test_no_gpu_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.slots.count_gpus", lambda: 0)
    with pytest.raises(InvalidInputError, match="there is no CUDA device"):
        find_slots("cuda")


def test_compile_without_a_compiler_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    check_compiler(False, [Slot("cpu")])
    with pytest.raises(
        InvalidInputError, match=r"execution\.compile = true needs a C\+\+ compiler, but there is"
    ):
        check_compiler(True, [Slot("cpu")])
    with pytest.raises(InvalidInputError, match="needs a C compiler, but there is no gcc or clang"):
        check_compiler(True, [Slot("cuda", gpu=0)])
    monkeypatch.setenv("CXX", "my-compiler")
    with pytest.raises(InvalidInputError, match="there is no my-compiler"):
        check_compiler(True, [Slot("cpu")])
    (tmp_path / "my-compiler").touch(mode=0o755)
    check_compiler(True, [Slot("cpu")])
