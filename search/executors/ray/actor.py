"""The actor of a slot: a persistent process on a node that holds torch and the images, and runs jobs in turn."""

from __future__ import annotations

import os
import platform
import queue
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from search.executors.messages import Beat, Event, Fatal, Job, Ready, Setup
from search.executors.ray.image_files import Contents, at_place, image_path, unpack
from search.executors.ray.node_cache import node_cache
from search.executors.ray.protocol import Answer, NeedsImages, Opened, Order
from search.executors.ray.training_files import SentFiles
from search.executors.ray.versions import difference, versions
from search.executors.run_job import run_job
from search.executors.worker import BEAT_S
from search.executors.workplace import Heart, Workplace, open_workplace
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError, MgnasError

AnswerSink = Callable[[Answer], None]


class SlotActor:
    """Opens a workplace, then runs jobs one after another. Each method yields its answers as they happen.

    A thread does the work; the methods add heartbeats.

    Args:
        order: What the driver says about the study.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self._work = ThreadPoolExecutor(max_workers=1)  # torch keeps state for each thread
        self._place: Workplace | None = None
        self._heart = Heart()
        self._is_shared = _is_shared(order)

    def open(self) -> Iterator[Answer]:
        """Load torch and the images of the node; the last answer is ``Ready``, ``Fatal`` or ``NeedsImages``."""
        import ray

        gpus = tuple(str(gpu) for gpu in ray.get_gpu_ids())
        yield Opened(platform.node(), os.getpid(), self._is_shared, gpus)
        if self._is_shared:
            _log_to(Path(self._order.probe.logs), os.getpid())
        yield from self._answers(self._open)

    def open_with(self, contents: Contents, chunks: Sequence[Any]) -> Iterator[Answer]:
        """Load the images that the driver sent.

        Args:
            contents: The files.
            chunks: Ray's references to their content; the node fetches it if another actor has not done so.
        """

        def work(tell: AnswerSink) -> None:
            import ray

            try:
                folder = unpack(contents, (ray.get(chunk) for chunk in chunks), node_cache())
            except (OSError, ValueError) as error:
                tell(Fatal(f"the images cannot be written on the node: {error}"))
                return
            self._open(tell, folder)

        yield from self._answers(work)

    def run(self, job: Job, checkpoint: bytes | None = None) -> Iterator[Answer]:
        """Carry a job out; ``checkpoint`` is the driver's, for a node that does not share the study's folder."""
        yield from self._answers(lambda tell: self._run(tell, job, checkpoint))
        self._heart.rest()

    def _answers(self, work: Callable[[AnswerSink], None]) -> Iterator[Answer]:
        """Run ``work`` in the thread; yield what it tells, and heartbeats."""
        told: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        done = self._work.submit(work, told.put)
        done.add_done_callback(lambda _: told.put(None))
        while True:
            try:
                answer = told.get(timeout=BEAT_S)
            except queue.Empty:
                answer = Beat(self._heart.work())
            if answer is None:
                break
            yield answer
        done.result()

    def _open(self, tell: AnswerSink, images: Path | None = None) -> None:
        order = self._order
        if unlike := difference(order.versions, versions()):
            tell(Fatal(unlike))
            return
        path = image_path(order.setup.data)
        if images is None and path is not None and not path.exists():
            tell(NeedsImages(f"there is no {path}"))
            return
        try:
            place = open_workplace(self._setup(images), tell, self._heart)
        except MgnasError as error:
            may_send = images is None and path is not None and isinstance(error, InvalidInputError)
            tell(NeedsImages(str(error)) if may_send else Fatal(str(error)))
            return
        found = place.data.search_data.fingerprint()
        if found == order.fingerprint:
            self._place = place
            self._heart.rest()
            tell(Ready())
        elif images is None and path is not None:
            tell(NeedsImages(f"{path} holds other images"))
        else:
            tell(
                Fatal(f"the images have the fingerprint {found}, but those of the driver {order.fingerprint}")
            )

    def _setup(self, images: Path | None) -> Setup:
        """Return the settings with paths on this node."""
        order, setup = self._order, self._order.setup
        own = node_cache() / "studies" / order.study
        teacher = None if order.teacher is None else write_atomic(own / "teacher.safetensors", order.teacher)
        plugins = [write_atomic(own / "plugins" / one.name, one.source) for one in order.plugins]
        return replace(
            setup,
            plugins=tuple(str(plugin) for plugin in plugins),
            teacher=None if teacher is None else str(teacher),
            folder=setup.folder if self._is_shared else str(own / "calibration"),
            data=setup.data if images is None else at_place(setup.data, images),
        )

    def _run(self, tell: AnswerSink, job: Job, checkpoint: bytes | None) -> None:
        assert self._place is not None
        if self._is_shared:
            run_job(job, self._place, tell)
            return
        own = node_cache() / "studies" / self._order.study / f"training-{os.getpid()}"
        with SentFiles(job, own, checkpoint) as files:

            def tell_after_file(event: Event) -> None:
                if (saved := files.sent_before(event)) is not None:
                    tell(saved)
                tell(event)

            run_job(files.job, self._place, tell_after_file)


def _is_shared(order: Order) -> bool:
    """Return whether this node shares the driver's folder of the study and may write there."""
    probe = Path(order.probe.path)
    try:
        return probe.read_text(encoding="utf-8") == order.probe.text and os.access(probe.parent, os.W_OK)
    except OSError:
        return False


def _log_to(folder: Path, pid: int) -> None:
    """Append the output of this process to a file beside the logs of local workers."""
    with (folder / f"worker-{platform.node()}-{pid}.log").open("ab") as log:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor in (1, 2):
            os.dup2(log.fileno(), descriptor)
