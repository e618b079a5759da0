"""Slots whose workers do not start are given up; the jobs go to the other slots."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from search.executors.base import MAX_EARLY_DEATHS
from search.executors.local import LocalExecutor
from search.executors.messages import Event, Fatal, Finished, Job, Retired, Setup
from search.executors.slots import Slot
from tests.support.stripes import RECIPE, SPEC
from tests.support.studies import write_images
from tests.support.waiting import MOST_S
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig


@dataclass(frozen=True)
class BrokenSlot(Slot):
    """A slot whose workers find a torch that cannot be imported, as on a broken device."""

    modules: str = ""

    def environment(self) -> dict[str, str]:
        return super().environment() | {"PYTHONPATH": f"{self.modules}{os.pathsep}{Path.cwd()}"}


@pytest.fixture
def broken(tmp_path: Path, cold_workers: None) -> Slot:
    (tmp_path / "broken" / "torch").mkdir(parents=True)
    (tmp_path / "broken" / "torch" / "__init__.py").write_text("raise ImportError('broken')", "utf-8")
    return BrokenSlot("cpu", threads=1, modules=str(tmp_path / "broken"))


def events_until(executor: LocalExecutor, kind: type[Event], num: int) -> list[Event]:
    events: list[Event] = []
    deadline = time.monotonic() + MOST_S
    while sum(isinstance(event, kind) for event in events) < num:
        assert time.monotonic() < deadline, events
        events += executor.poll(1.0)
    return events


def executor_of(folder: Path, slots: list[Slot]) -> LocalExecutor:
    data = DataConfig(source=f"npz:{write_images(folder, 48)}")
    setup = Setup(data, ExecutionConfig(channels_last=True), str(folder))
    return LocalExecutor(slots, setup, folder / "logs")


@pytest.mark.slow
def test_slot_is_given_up_after_three_early_deaths_and_its_job_is_not_lost(
    tmp_path: Path, broken: Slot
) -> None:
    executor = executor_of(tmp_path, [broken, Slot("cpu", threads=1)])
    recipe = RECIPE.replaced({"epochs": 1, "precision": "float32"})
    try:
        for trial in range(2):
            files = str(tmp_path / f"{trial}.safetensors"), str(tmp_path / f"{trial}.checkpoint")
            executor.submit(Job(trial, SPEC.to_dict(), recipe, trial, *files))
        events = events_until(executor, Retired, 1)
        events += events_until(executor, Finished, 2 - sum(isinstance(one, Finished) for one in events))
        assert executor.free_slots() == 1
    finally:
        executor.close()
    (retired,) = [event for event in events if isinstance(event, Retired)]
    assert (retired.slot, retired.device, retired.num_left) == (0, "cpu", 1)
    assert retired.reason == "the last one ended with exit code 1"
    assert Path(retired.log).read_text("utf-8").count("ImportError: broken") == MAX_EARLY_DEATHS
    assert sorted(event.trial for event in events if isinstance(event, Finished)) == [0, 1]


@pytest.mark.slow
def test_no_slot_left_ends_the_search(tmp_path: Path, broken: Slot) -> None:
    executor = executor_of(tmp_path, [broken])
    try:
        (fatal,) = [one for one in events_until(executor, Fatal, 1) if isinstance(one, Fatal)]
    finally:
        executor.close()
    assert "workers on cpu do not start (the last one ended with exit code 1)" in fatal.reason
