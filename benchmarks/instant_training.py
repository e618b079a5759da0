"""Executors whose trainings take no time: one in this process, and one whose jobs pass through Ray."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from search.executors.messages import Epoch, Event, Finished, Job, Paused, Setup
from search.executors.ray import slot as ray_slot
from search.executors.ray.actor import AnswerSink, SlotActor
from search.executors.ray.cluster import Cluster
from search.executors.ray.demand import Demand
from search.executors.ray.executor import RayExecutor
from search.executors.ray.order import StudyHome
from space.core.reports import EpochReport, TrainingCosts
from space.networks.load import load_spec
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig

NO_COSTS = TrainingCosts(1.0, 0.001, None, 1.0, 1.0, 0.0, None, None, 1)


def made_up_events(job: Job) -> Iterator[Event]:
    """Yield what a training would report; accuracies grow with parameters and epochs."""
    size = load_spec(job.spec).params
    last = job.until or job.recipe.epochs
    for epoch in range(job.known_epochs + 1, last + 1):
        accuracy = 1 - 0.9 / (1 + epoch * size / 5000)
        yield Epoch(job.trial, EpochReport(epoch, 1 - accuracy, 1 - accuracy, accuracy, 0.001))
    if last < job.recipe.epochs:
        yield Paused(job.trial, 0.001 * last)
    else:
        yield Finished(job.trial, 0.001 * last, NO_COSTS)


class InstantExecutor:
    """Answers each job at once."""

    def __init__(self, slots: int = 2) -> None:
        self._free = slots
        self._events: deque[Event] = deque()

    def free_slots(self) -> int:
        return self._free

    def submit(self, job: Job) -> None:
        self._free -= 1
        self._events.extend(made_up_events(job))

    def poll(self, timeout_s: float) -> list[Event]:
        events = list(self._events)
        self._events.clear()
        self._free += sum(isinstance(event, (Paused, Finished)) for event in events)
        return events

    def close(self) -> None:
        self._events.clear()


class InstantActor(SlotActor):
    """An actor that holds torch and the images as any other, and trains nothing."""

    def _run(self, tell: AnswerSink, job: Job, checkpoint: bytes | None) -> None:
        for event in made_up_events(job):
            tell(event)


@contextmanager
def on_ray(folder: Path, data: DataConfig, fingerprint: str, slots: int = 2) -> Iterator[RayExecutor]:
    """Yield an executor of instant actors on a Ray cluster of this machine."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    actor, ray_slot.SlotActor = ray_slot.SlotActor, InstantActor  # type: ignore[misc]
    setup = Setup(data, ExecutionConfig(), str(folder))
    home = StudyHome(folder, folder / "logs", fingerprint)
    try:
        with (
            closing(Cluster(None, num_cpus=slots)) as cluster,
            closing(RayExecutor(cluster, Demand(), slots, setup, home)) as executor,
        ):
            yield executor
    finally:
        ray_slot.SlotActor = actor  # type: ignore[misc]
