"""Slots: how many trainings run side by side, and in what environment."""

from __future__ import annotations

import os

import pytest

from search.slots import count_cores, find_slots
from space import InvalidInputError


def test_one_slot_for_each_core_with_one_thread() -> None:
    slots = find_slots("cpu")
    assert len(slots) == count_cores() <= (os.cpu_count() or 1)
    assert all(slot.threads == 1 and slot.environment()["OMP_NUM_THREADS"] == "1" for slot in slots)
    assert all(slot.environment()["CUDA_VISIBLE_DEVICES"] == "" for slot in slots)


def test_a_number_of_workers_is_taken_as_it_is() -> None:
    assert len(find_slots("cpu", 5)) == 5


def test_gpus_are_shared_out_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.slots.count_gpus", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    visible = [slot.environment()["CUDA_VISIBLE_DEVICES"] for slot in find_slots("auto", 3)]
    assert visible == ["4", "7", "4"]
    assert len(find_slots("cuda")) == 2


def test_no_gpu_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.slots.count_gpus", lambda: 0)
    with pytest.raises(InvalidInputError, match="there is no CUDA device"):
        find_slots("cuda")
