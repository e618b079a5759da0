"""Real workers that run out of memory beside others: the job runs again alone before it fails."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pytest

from search.executors.local import LocalExecutor
from search.executors.messages import (
    Deferred,
    Epoch,
    Event,
    Failed,
    Fatal,
    Finished,
    Job,
    Lost,
    Placed,
    Ready,
    Setup,
)
from search.executors.ray.cluster import Cluster
from search.executors.ray.demand import Demand
from search.executors.ray.executor import RayExecutor
from search.executors.ray.order import StudyHome
from search.executors.slots import Slot
from tests.support import hungry_family
from tests.support.hungry_family import GREEDY, SHY, WAITING
from tests.support.stripes import RECIPE
from tests.support.studies import write_images
from tests.support.waiting import MOST_S
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data
from trainers.device.execution import ExecutionConfig

NUM_SLOTS = 3


class Machine:
    """An executor with three slots and the events so far.

    Args:
        folder: The folder for all files.
        cluster: The Ray cluster whose actors are the workers; None for processes of this machine.
    """

    def __init__(self, folder: Path, cluster: Cluster | None = None) -> None:
        self.folder = folder
        self.executor: Any
        data = DataConfig(source=f"npz:{write_images(folder, 48)}")
        plugins = (hungry_family.__file__,)
        setup = Setup(data, ExecutionConfig(channels_last=True), str(folder), plugins)
        if cluster is None:
            self.executor = LocalExecutor([Slot("cpu", threads=1)] * NUM_SLOTS, setup, folder / "logs")
        else:
            home = StudyHome(folder, folder / "logs", load_search_data(data).fingerprint())
            self.executor = RayExecutor(cluster, Demand(), NUM_SLOTS, setup, home)
        self.events: list[Event] = []

    def submit(self, trial: int, appetite: int) -> None:
        spec = {"family": "hungry", "appetite": appetite, "width": 2, "in_channels": 1, "num_classes": 2}
        files = str(self.folder / f"{trial}.safetensors"), str(self.folder / f"{trial}.checkpoint")
        recipe = RECIPE.replaced({"epochs": 2, "precision": "float32", "crop_padding": 0})
        self.executor.submit(Job(trial, spec, recipe, trial, *files))

    def poll_until(self, is_reached: Callable[[], object]) -> None:
        deadline = time.monotonic() + MOST_S
        while not is_reached():
            assert time.monotonic() < deadline, self.events
            self.events += self.executor.poll(0.05)
            assert not any(isinstance(one, Fatal) for one in self.events), self.events

    def of(self, kind: type[Event], trial: int) -> list[Event]:
        return [one for one in self.events if isinstance(one, kind) and getattr(one, "trial", None) == trial]

    def num_ready(self) -> int:
        return sum(isinstance(one, Ready) for one in self.events)

    def run_beside_a_waiting_training(self, appetite: int) -> None:
        """Let trial 1 run out of memory beside trial 0, which waits in its first step."""
        self.submit(0, WAITING)
        self.poll_until((self.folder / "waits").exists)
        self.submit(1, appetite)
        self.poll_until(lambda: self.of(Deferred, 1))

    def let_go_on(self) -> None:
        (self.folder / "go_on").touch()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    monkeypatch.setenv(hungry_family.FOLDER, str(tmp_path))
    made = Machine(tmp_path)
    yield made
    made.executor.close()


@pytest.fixture(params=["local", "ray"])
def any_machine(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Machine]:
    monkeypatch.setenv(hungry_family.FOLDER, str(tmp_path))
    with closing(Cluster(num_cpus=NUM_SLOTS)) if request.param == "ray" else nullcontext() as cluster:
        made = Machine(tmp_path, cluster)
        made.poll_until(lambda: made.num_ready() == NUM_SLOTS)
        yield made
        made.executor.close()


@pytest.mark.slow
def test_training_out_of_memory_beside_another_runs_again_alone(any_machine: Machine) -> None:
    machine = any_machine
    machine.run_beside_a_waiting_training(SHY)
    (deferred,) = machine.of(Deferred, 1)
    assert isinstance(deferred, Deferred)
    assert deferred.text().startswith(
        "trial 1: out of memory: a single image does not fit; it runs again alone on cpu"
    )
    assert machine.executor.free_slots() == 0
    assert len(machine.of(Placed, 1)) == 1
    machine.let_go_on()
    machine.poll_until(lambda: machine.of(Finished, 1))
    order = [(type(one), one.trial) for one in machine.events if isinstance(one, (Finished, Placed))]
    assert order == [(Placed, 0), (Placed, 1), (Finished, 0), (Placed, 1), (Finished, 1)]
    assert [one.report.epoch for one in machine.events if isinstance(one, Epoch) and one.trial == 1] == [1, 2]
    assert not machine.of(Failed, 1)
    assert machine.executor.free_slots() == NUM_SLOTS


@pytest.mark.slow
def test_training_out_of_memory_alone_fails(any_machine: Machine) -> None:
    machine = any_machine
    machine.run_beside_a_waiting_training(GREEDY)
    assert not machine.of(Failed, 1)
    machine.let_go_on()
    machine.poll_until(lambda: machine.of(Failed, 1))
    (failed,) = machine.of(Failed, 1)
    assert failed == Failed(
        1, "out of memory: a single image does not fit, alone on the device", is_memory=True
    )
    assert machine.of(Finished, 0)
    assert machine.executor.free_slots() == NUM_SLOTS


@pytest.mark.slow
def test_training_out_of_memory_without_others_fails_at_once(machine: Machine) -> None:
    machine.submit(1, GREEDY)
    machine.poll_until(lambda: machine.of(Failed, 1))
    assert machine.of(Failed, 1) == [Failed(1, "out of memory: a single image does not fit", is_memory=True)]
    assert not machine.of(Deferred, 1)


@pytest.mark.slow
def test_kept_training_survives_the_deaths_of_workers(machine: Machine) -> None:
    machine.run_beside_a_waiting_training(SHY)
    (placed,) = machine.of(Placed, 0)
    assert isinstance(placed, Placed)
    idle = [pid for pid in machine.executor.pids() if pid != placed.pid]
    machine.poll_until(lambda: machine.num_ready() == NUM_SLOTS)
    for pid in idle:
        os.kill(pid, signal.SIGKILL)
    machine.poll_until(lambda: machine.num_ready() == NUM_SLOTS + len(idle))
    assert machine.executor.free_slots() == 0
    os.kill(placed.pid, signal.SIGKILL)
    machine.poll_until(lambda: machine.of(Finished, 1))
    assert len(machine.of(Lost, 0)) == 1
    assert not machine.of(Lost, 1)
    assert machine.executor.free_slots() == NUM_SLOTS
