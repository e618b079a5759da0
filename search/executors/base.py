"""Who runs the jobs. An executor takes jobs while it has free slots and hands back what happens to them."""

from __future__ import annotations

from typing import Protocol

from search.executors.messages import Event, Job


class Executor(Protocol):
    """The interface of every executor; the driver knows nothing else of it."""

    def free_slots(self) -> int:
        """Return how many jobs may be submitted now; slots that are still starting count as free."""
        ...

    def submit(self, job: Job) -> None:
        """Run ``job`` in a free slot, as soon as that slot is up."""
        ...

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the events since the last call, in order; wait for the first up to ``timeout_s``."""
        ...

    def close(self) -> None:
        """End all work at once; trainings under way are dropped."""
        ...
