"""The contract of every executor: one conformance suite for local processes, Ray and the simulated clock."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from search.executors.base import Executor
from search.executors.local import LocalExecutor
from search.executors.messages import Epoch, Event, Failed, Finished, Job, Paused, Setup
from search.executors.ray.cluster import Cluster
from search.executors.ray.demand import Demand
from search.executors.ray.executor import RayExecutor
from search.executors.ray.order import StudyHome
from search.executors.slots import Slot
from search.simulator.executor import SimulatedExecutor
from search.simulator.problem import Curve
from space.modules.weights import load_weights
from space.networks.spec import Spec
from tests.support.stripes import RECIPE, SPEC
from tests.support.studies import write_images
from tests.support.waiting import MOST_S
from trainers.data.config import DataConfig
from trainers.data.device_data import ResidentData
from trainers.data.load_splits import load_search_data
from trainers.device.execution import ExecutionConfig
from trainers.quantised import evaluate_int8, quantised

NUM_SLOTS = 2
EPOCHS = 3
ENDS = (Paused, Finished, Failed)


class Recorded:
    """A problem with the same curve for each network."""

    epochs = EPOCHS

    def curve(self, spec: Spec, seed: int) -> Curve:
        return Curve((0.5, 0.6, 0.7), (1.0, 1.0, 1.0))


def local(folder: Path) -> Executor:
    data = DataConfig(source=f"npz:{write_images(folder, 48)}")
    execution = ExecutionConfig(channels_last=True)
    return LocalExecutor(
        [Slot("cpu", threads=1)] * NUM_SLOTS,
        Setup(data, execution, str(folder), measures_int8=True),
        folder / "logs",
    )


def simulated(_folder: Path) -> Executor:
    return SimulatedExecutor(Recorded(), NUM_SLOTS)  # type: ignore[arg-type]  # no space is searched


def on_ray(folder: Path, cluster: Cluster) -> Executor:
    data = DataConfig(source=f"npz:{write_images(folder, 48)}")
    setup = Setup(data, ExecutionConfig(channels_last=True), str(folder), measures_int8=True)
    home = StudyHome(folder, folder / "logs", load_search_data(data).fingerprint())
    return RayExecutor(cluster, Demand(), NUM_SLOTS, setup, home)


MAKERS: dict[str, Callable[[Path], Executor]] = {
    "local": local,
    "local with processes of its own": local,
    "simulated": simulated,
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with closing(Cluster(num_cpus=NUM_SLOTS)) as started:
        yield started


@pytest.fixture(
    params=[
        "local",
        pytest.param("local with processes of its own", marks=pytest.mark.slow),
        pytest.param("ray", marks=pytest.mark.slow),
        "simulated",
    ]
)
def executor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Executor]:
    if request.param == "local with processes of its own":
        request.getfixturevalue("cold_workers")
    if request.param == "ray":
        made = on_ray(tmp_path, request.getfixturevalue("cluster"))
    else:
        made = MAKERS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def job(tmp_path: Path) -> Callable[..., Job]:
    recipe = RECIPE.replaced({"epochs": EPOCHS, "precision": "float32"})

    def make(trial: int, **changes: Any) -> Job:
        files = str(tmp_path / f"{trial}.safetensors"), str(tmp_path / f"{trial}.checkpoint")
        return dataclasses.replace(Job(trial, SPEC.to_dict(), recipe, trial, *files), **changes)

    return make


def run_to_end(executor: Executor, num_jobs: int) -> list[Event]:
    """Poll until so many jobs have ended; return all events."""
    events: list[Event] = []
    deadline = time.monotonic() + MOST_S
    while sum(isinstance(event, ENDS) for event in events) < num_jobs:
        assert time.monotonic() < deadline, events
        events += executor.poll(1.0)
    return events


def epochs_of(events: list[Event], trial: int) -> list[int]:
    return [event.report.epoch for event in events if isinstance(event, Epoch) and event.trial == trial]


def test_executor_runs_jobs_in_all_slots_and_frees_each_at_its_end(
    executor: Executor, job: Callable[..., Job]
) -> None:
    assert executor.free_slots() == NUM_SLOTS
    for trial in range(NUM_SLOTS):
        executor.submit(job(trial))
    assert executor.free_slots() == 0
    events = run_to_end(executor, NUM_SLOTS)
    assert executor.free_slots() == NUM_SLOTS
    for trial in range(NUM_SLOTS):
        assert epochs_of(events, trial) == [1, 2, 3]
        last = [event for event in events if getattr(event, "trial", None) == trial][-1]
        assert isinstance(last, Finished)


def test_executor_measures_the_int8_accuracy_of_the_weights(
    executor: Executor, job: Callable[..., Job], tmp_path: Path
) -> None:
    if isinstance(executor, SimulatedExecutor):
        pytest.skip("a simulation has no weights")
    asked = job(3)
    executor.submit(asked)
    finished = of_trial(run_to_end(executor, 1), 3)[-1]
    assert isinstance(finished, Finished)
    data = ResidentData(
        load_search_data(DataConfig(source=f"npz:{tmp_path / 'images.npz'}")), torch.device("cpu")
    )
    weights = {name: tensor.numpy() for name, tensor in load_weights(asked.weights_path)[1].items()}
    assert finished.int8_accuracy == evaluate_int8(quantised(SPEC, weights, data), data).accuracy


def of_trial(events: list[Any], trial: int) -> list[Any]:
    """Return the events of one trial: another slot may be ready later than the trial's last event."""
    return [event for event in events if getattr(event, "trial", None) == trial]


def test_executor_pauses_at_the_rung_and_resumes_after_it(
    executor: Executor, job: Callable[..., Job]
) -> None:
    executor.submit(job(4, until=1))
    paused = of_trial(run_to_end(executor, 1), 4)
    assert isinstance(paused[-1], Paused)
    assert epochs_of(paused, 4) == [1]
    assert paused[-1].train_s > 0
    executor.submit(job(4, known_epochs=1, train_s=paused[-1].train_s))
    resumed = of_trial(run_to_end(executor, 1), 4)
    assert epochs_of(resumed, 4) == [2, 3]
    assert isinstance(resumed[-1], Finished)
    assert resumed[-1].train_s > paused[-1].train_s


def test_executor_without_jobs_ends_no_job(executor: Executor) -> None:
    assert not [event for event in executor.poll(0.0) if isinstance(event, ENDS)]
    assert executor.free_slots() == NUM_SLOTS


def test_executor_drops_running_jobs_when_it_closes(executor: Executor, job: Callable[..., Job]) -> None:
    executor.submit(job(0))
    executor.close()
    assert not [event for event in executor.poll(0.0) if isinstance(event, Finished)]
