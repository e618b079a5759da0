"""Actors that die, hang, or cannot load their images, on a Ray that runs on this machine."""

from __future__ import annotations

import dataclasses
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from search.executors.liveness import HangLimits
from search.executors.messages import Epoch, Event, Fatal, Finished, Job, Lost, Placed, Ready, Setup
from search.executors.ray.cluster import Cluster
from search.executors.ray.demand import Demand
from search.executors.ray.executor import RayExecutor
from search.executors.ray.order import StudyHome
from tests.support.stripes import RECIPE, SPEC
from tests.support.studies import write_images
from tests.support.waiting import MOST_S
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data
from trainers.device.execution import ExecutionConfig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
EPOCHS = 400


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with closing(Cluster(num_cpus=1)) as started:
        yield started


@pytest.fixture
def open_executor(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[..., RayExecutor]]:
    opened: list[RayExecutor] = []

    def make(limits: HangLimits | None = None, **changes: object) -> RayExecutor:
        data = DataConfig(source=f"npz:{write_images(tmp_path, 48)}")
        setup = Setup(data, ExecutionConfig(channels_last=True), str(tmp_path))
        home = StudyHome(tmp_path, tmp_path / "logs", load_search_data(data).fingerprint())
        home = dataclasses.replace(home, **changes)  # type: ignore[arg-type]
        opened.append(RayExecutor(cluster, Demand(), 1, setup, home, limits))
        return opened[-1]

    yield make
    for executor in opened:
        executor.close()


def job(folder: Path, **changes: object) -> Job:
    recipe = RECIPE.replaced({"epochs": EPOCHS, "precision": "float32"})
    whole = Job(0, SPEC.to_dict(), recipe, 0, str(folder / "w.safetensors"), str(folder / "c.checkpoint"))
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def poll_until(executor: RayExecutor, kind: type, events: list[Event] | None = None) -> list[Event]:
    events = [] if events is None else events
    deadline = time.monotonic() + MOST_S
    while not any(isinstance(event, kind) for event in events):
        assert time.monotonic() < deadline, events
        events += executor.poll(1.0)
    return events


def begin(executor: RayExecutor, folder: Path) -> tuple[int, list[Event]]:
    """Begin a training; return the process of its actor, and the events up to the first epoch."""
    executor.submit(job(folder))
    events = poll_until(executor, Epoch)
    (placed,) = [event for event in events if isinstance(event, Placed)]
    return placed.pid, events


def test_a_killed_actor_loses_its_job_and_another_one_resumes_it(
    open_executor: Callable[..., RayExecutor], tmp_path: Path
) -> None:
    executor = open_executor()
    actor, events = begin(executor, tmp_path)
    os.kill(actor, signal.SIGKILL)
    poll_until(executor, Lost, events)
    (lost,) = [event for event in events if isinstance(event, Lost)]
    assert (lost.trial, lost.is_memory) == (0, False)
    assert lost.reason.endswith(" died")
    known = [event.report.epoch for event in events if isinstance(event, Epoch)][-1]
    executor.submit(job(tmp_path, known_epochs=known))
    events = poll_until(executor, Finished)
    assert [event.report.epoch for event in events if isinstance(event, Epoch)] == list(
        range(known + 1, EPOCHS + 1)
    )


def test_a_stopped_actor_is_replaced(open_executor: Callable[..., RayExecutor], tmp_path: Path) -> None:
    executor = open_executor(HangLimits(max_silence_s=8.0))
    stopped, _ = begin(executor, tmp_path)
    os.kill(stopped, signal.SIGSTOP)
    events = poll_until(executor, Lost)
    (lost,) = [event for event in events if isinstance(event, Lost)]
    assert "was killed, since it sent no heartbeat for" in lost.reason
    poll_until(executor, Ready)
    assert not Path(f"/proc/{stopped}").exists()


def test_images_that_no_node_can_load_end_the_search_with_the_reason(
    open_executor: Callable[..., RayExecutor],
) -> None:
    executor = open_executor(fingerprint="0" * 12)
    (fatal,) = [event for event in poll_until(executor, Fatal) if isinstance(event, Fatal)]
    assert "no node of the Ray cluster can train" in fatal.reason
    assert "the images have the fingerprint" in fatal.reason
