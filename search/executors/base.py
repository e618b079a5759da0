"""The interface of executors: they take jobs while they have free slots, and return events."""

from __future__ import annotations

from typing import Protocol

from search.executors.messages import Event, Job

MAX_EARLY_DEATHS = 3
"""Workers of a slot or node that may die in a row before they are ready; then it is given up."""


class Executor(Protocol):
    """The interface of every executor; the driver uses nothing else."""

    def free_slots(self) -> int:
        """Return the number of jobs that may be submitted now; starting slots count as free."""
        ...

    def submit(self, job: Job) -> None:
        """Run ``job`` in a free slot, as soon as its worker is ready."""
        ...

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the events since the last call in order; wait up to ``timeout_s`` seconds for the first one."""
        ...

    def close(self) -> None:
        """End all workers at once; their trainings are aborted."""
        ...
