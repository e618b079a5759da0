"""A slot of the cluster as the driver sees it: an actor, its stream of answers, and its job."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from search.executors.liveness import Liveness
from search.executors.messages import Job, Placed
from search.executors.ray.actor import SlotActor
from search.executors.ray.cluster import Node
from search.executors.ray.demand import Demand
from search.executors.ray.image_files import Contents
from search.executors.ray.protocol import Answer, Opened, Order
from trainers.checkpoint import intact_content

START_S = 60.0
"""An actor that has not started after this time waits for resources that others use: its slot is not free."""


class RaySlot:
    """An actor on a node.

    Args:
        index: The number of the slot.
        node: The node.
        demand: What the actor takes of the node.
        order: The first message to the actor.
        liveness: The times of its answers.

    Attributes:
        stream: The stream of answers that the driver reads; None while the actor has nothing to do.
        job: The current job.
        is_ready: Whether the actor has loaded its images.
        opened: The first answer of the actor; None before.
        epochs_heard: Epochs of the job's training whose reports the driver has.
    """

    def __init__(self, index: int, node: Node, demand: Demand, order: Order, liveness: Liveness) -> None:
        import ray

        self.index = index
        self.node = node
        self.device = demand.device
        self.opened: Opened | None = None
        self.job: Job | None = None
        self.is_ready = False
        self.epochs_heard = 0
        self.liveness = liveness
        self._began_s = time.monotonic()
        self._actor: Any = ray.remote(SlotActor).options(**demand.options(node)).remote(order)
        self.stream: Any = self._call("open")

    @property
    def place(self) -> Hashable:
        """What it shares with other slots: the GPUs of a node, or the memory of a node."""
        return self.node.id, self.opened.gpus if self.opened else ()

    @property
    def age_s(self) -> float:
        """Seconds since the actor was asked for."""
        return time.monotonic() - self._began_s

    @property
    def is_idle(self) -> bool:
        """Whether the actor waits for a job; its last stream has ended."""
        return self.is_ready and self.job is None and self.stream is None

    @property
    def is_pending(self) -> bool:
        """Whether the actor has not answered for a long time: others use the resources of its node."""
        return self.opened is None and self.age_s >= START_S

    def open_with(self, contents: Contents, chunks: Sequence[Any]) -> None:
        """Send the images to the actor."""
        self.stream = self._call("open_with", contents, list(chunks))

    def begin(self, job: Job) -> Placed:
        """Give a job to the actor, which is idle.

        Raises:
            OSError: The checkpoint cannot be read.
        """
        self.job = job
        self.epochs_heard = job.known_epochs
        self.liveness.begin()
        assert self.opened is not None
        checkpoint = None if self.opened.is_shared else intact_content(Path(job.checkpoint_path))
        self.stream = self._call("run", job, checkpoint)
        return Placed(job.trial, self.index, self.device, self.opened.host, self.opened.pid)

    def end(self) -> None:
        """Kill the actor."""
        import ray

        self.stream = None
        with suppress(Exception):  # the connection to Ray is gone, which Ray says with any kind of error
            ray.kill(self._actor)

    def _call(self, method: str, *arguments: Any) -> Any:
        return getattr(self._actor, method).options(num_returns="streaming").remote(*arguments)


def read_answers(
    slots: Sequence[RaySlot], timeout_s: float
) -> list[tuple[RaySlot, Answer | Exception | None]]:
    """Return the next answer of each stream that has one, or the error that ended it; None at its end.

    Args:
        slots: The slots.
        timeout_s: How long to wait for the first answer.
    """
    import ray

    streams = {slot.stream: slot for slot in slots if slot.stream is not None}
    if not streams:
        time.sleep(timeout_s)
        return []
    if not ray.wait(list(streams), num_returns=1, timeout=timeout_s)[0]:
        return []
    answered, _ = ray.wait(list(streams), num_returns=len(streams), timeout=0)
    return [(streams[stream], _next(stream)) for stream in answered]


def _next(stream: Any) -> Answer | Exception | None:
    import ray

    try:
        answer: Answer = ray.get(next(stream))
    except StopIteration:
        return None
    except Exception as error:  # Ray's own, or what the actor raised
        return error
    return answer
