"""The files of a training on a node that does not share the study's folder.

The driver keeps them. A job brings its checkpoint, and the actor sends checkpoint and weights back.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from search.executors.messages import Epoch, Event, Finished, Job, Paused
from search.executors.ray.protocol import Saved
from space.core.atomic_files import write_atomic

SEND_EVERY_S = 30.0
"""Seconds between two checkpoints that a running training sends; a lost worker costs at most this time."""


class SentFiles:
    """The files of one job in a folder of the node.

    Args:
        job: The job as the driver sent it.
        folder: The folder for its files; it is removed at the end of the block.
        checkpoint: The checkpoint that the driver has.
        every_s: Seconds between two checkpoints that are sent.

    Attributes:
        job: The job with paths in the folder.
    """

    def __init__(
        self, job: Job, folder: Path, checkpoint: bytes | None, every_s: float = SEND_EVERY_S
    ) -> None:
        self._folder = folder
        self._checkpoint = folder / Path(job.checkpoint_path).name
        self._weights = folder / Path(job.weights_path).name
        self._every_s = every_s
        self._sent_s = time.monotonic()
        self._content = checkpoint
        self.job = replace(job, checkpoint_path=str(self._checkpoint), weights_path=str(self._weights))

    def __enter__(self) -> SentFiles:
        """Write the checkpoint.

        Raises:
            OSError: The folder cannot be written.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        if self._content is not None:
            write_atomic(self._checkpoint, self._content, sync=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def sent_before(self, event: Event) -> Saved | None:
        """Return the file that the driver must have before it hears of an event; None if there is none."""
        if isinstance(event, Finished):
            return Saved(event.trial, "weights", self._weights.read_bytes())
        is_due = isinstance(event, Epoch) and time.monotonic() - self._sent_s >= self._every_s
        if isinstance(event, Paused) or is_due:
            self._sent_s = time.monotonic()
            return Saved(self.job.trial, "checkpoint", self._checkpoint.read_bytes())
        return None
