"""Packing: how many trainings share a device, from their measured throughput."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from search.executors.local import LocalExecutor
from search.executors.messages import Deferred, Epoch, Event, Failed, Job, Setup
from search.executors.packing import (
    PackingError,
    Throughput,
    best_packing,
    measure_throughput,
    throughputs,
)
from search.executors.slots import Slot
from space.core.reports import EpochReport
from tests.support.stripes import RECIPE, SPEC
from tests.support.studies import write_images
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig


class SharedDevice:
    """An executor of a device that trains at most ``room`` epochs per second, and fails above ``most`` trainings."""

    def __init__(
        self, count: int, room: float = 4.0, most: int = 100, failure: type[Failed | Deferred] = Failed
    ) -> None:
        self._seconds = max(1.0, count / room)
        self._failure = failure
        self._fails = count > most
        self._jobs: list[Job] = []
        self._epoch = 0
        self.closed = False

    def free_slots(self) -> int:
        return 1

    def submit(self, job: Job) -> None:
        self._jobs.append(job)

    def poll(self, timeout_s: float) -> list[Event]:
        self._epoch += 1
        if self._fails:
            trial = self._jobs[-1].trial
            if self._failure is Deferred:
                return [Deferred(trial, "out of memory", "cuda:0")]
            return [Failed(trial, "out of memory")]
        report = EpochReport(self._epoch, 1.0, 1.0, 0.5, self._seconds * (10 if self._epoch == 1 else 1))
        return [Epoch(job.trial, report) for job in self._jobs]

    def close(self) -> None:
        self.closed = True


def job(number: int) -> Job:
    return Job(number, SPEC.to_dict(), RECIPE, number, f"{number}.safetensors", f"{number}.checkpoint")


def test_first_epochs_do_not_count() -> None:
    found = measure_throughput(SharedDevice(2), [job(0), job(1)])
    assert found == Throughput(2, pytest.approx(2.0))


def test_numbers_are_tried_until_the_throughput_grows_too_little() -> None:
    found = throughputs(SharedDevice, job)
    assert [one.trainings for one in found] == [1, 2, 4, 8]
    assert [one.epochs_per_s for one in found] == pytest.approx([1.0, 2.0, 4.0, 4.0])
    assert best_packing(found) == 4


@pytest.mark.parametrize("failure", [Failed, Deferred])
def test_trainings_that_do_not_fit_end_the_measurement_and_every_executor_is_closed(
    failure: type[Failed | Deferred],
) -> None:
    made: list[SharedDevice] = []

    def executor(count: int) -> SharedDevice:
        made.append(SharedDevice(count, room=100.0, most=4, failure=failure))
        return made[-1]

    assert best_packing(throughputs(executor, job)) == 4
    assert len(made) == 4
    assert all(one.closed for one in made)


def test_a_device_that_trains_nothing_gets_one_training() -> None:
    assert throughputs(lambda count: SharedDevice(count, most=0), job) == []
    assert best_packing([]) == 1


def test_trainings_that_take_too_long_are_refused() -> None:
    with pytest.raises(PackingError, match="1 training did not run within 0 s"):
        measure_throughput(SharedDevice(1), [job(0)], limit_s=0.0)


def test_workers_of_this_machine_are_measured(tmp_path: Path) -> None:
    setup = Setup(
        DataConfig(source=f"npz:{write_images(tmp_path, 48)}"),
        ExecutionConfig(channels_last=True),
        str(tmp_path),
    )
    recipe = RECIPE.replaced({"epochs": 10_000, "precision": "float32"})

    def endless(number: int) -> Job:
        files = str(tmp_path / f"{number}.safetensors"), str(tmp_path / f"{number}.checkpoint")
        return dataclasses.replace(
            job(number), recipe=recipe, weights_path=files[0], checkpoint_path=files[1]
        )

    def executor(count: int) -> LocalExecutor:
        return LocalExecutor([Slot("cpu", threads=1)] * count, setup, tmp_path / "logs")

    found = throughputs(executor, endless, (1, 2), min_growth=0.0)
    assert [one.trainings for one in found] == [1, 2]
    assert all(0 < one.epochs_per_s < 1000 for one in found)
    assert not list(tmp_path.glob("*.safetensors"))
