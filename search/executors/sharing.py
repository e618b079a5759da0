"""Trainings that share a device: one that runs out of memory beside others runs again alone."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace

from search.executors.messages import Job


class DeviceSharing:
    """Which jobs share a device, and which must run alone on it.

    Slots with the same GPU share it; all slots on CPU cores share the memory of their machine. A job that runs out
    of memory beside others is kept. Its device gets no other job until the running ones have ended and the kept job
    has run alone. The class knows no processes; the executor tells it where jobs begin and end.

    Args:
        devices: The device of each slot, by the slot's number.
    """

    def __init__(self, devices: Mapping[int, Hashable]) -> None:
        self._device_of = dict(devices)
        self._running: dict[int, Job] = {}
        self._beside_others: set[int] = set()
        self._kept: defaultdict[Hashable, deque[Job]] = defaultdict(deque)
        self._tried_alone: set[int] = set()

    def join(self, slot: int, device: Hashable) -> None:
        """Add a slot that exists from now on."""
        self._device_of[slot] = device

    def is_open(self, slot: int) -> bool:
        """Return whether a slot may get a job that need not run alone; nothing is known of a slot yet to join."""
        if slot not in self._device_of:
            return True
        device = self._device_of[slot]
        return not self._kept[device] and not any(job.is_alone for job in self._running_on(device).values())

    def begin(self, slot: int, job: Job) -> None:
        """Note that ``job`` begins in ``slot``, or begins anew in it."""
        self._running[slot] = job
        if job.is_alone:
            self._tried_alone.add(job.trial)
        together = self._running_on(self._device_of[slot])
        if len(together) > 1:
            self._beside_others |= together.keys()

    def end(self, slot: int, job: Job, *, is_memory: bool = False) -> bool:
        """Note that a job ended, and return whether it is kept to run again alone.

        Args:
            slot: Its slot.
            job: The job, with the epochs that the driver knows by now.
            is_memory: Whether it ran out of memory.
        """
        was_beside_others = slot in self._beside_others
        self._leave(slot)
        if is_memory and was_beside_others and job.trial not in self._tried_alone:
            # the last halving left no image: without it, a single one is tried
            halvings = max(0, job.micro_batch_halvings - 1)
            alone = replace(job, is_alone=True, micro_batch_halvings=halvings)
            self._kept[self._device_of[slot]].append(alone)
            return True
        self._tried_alone.discard(job.trial)
        return False

    def lose(self, slot: int, job: Job, *, is_memory: bool) -> None:
        """Note that the worker of a job died; the driver submits the job again.

        Args:
            slot: Its slot.
            job: The job.
            is_memory: Whether the out-of-memory killer ended the worker. Then an attempt alone counts.
        """
        self._leave(slot)
        if not is_memory:
            self._tried_alone.discard(job.trial)

    def take_alone(self, idle: Sequence[int]) -> list[tuple[int, Job]]:
        """Return the slots and jobs that begin alone now, at most one for each device.

        Args:
            idle: The slots without a job, the preferred ones first.
        """
        found: list[tuple[int, Job]] = []
        for device, kept in self._kept.items():
            free = [slot for slot in idle if self._device_of[slot] == device]
            if kept and free and not self._running_on(device):
                found.append((free[0], kept.popleft()))
        return found

    def give_up(self, slot: int, job: Job | None) -> list[Job]:
        """Remove a slot, and return the jobs for other slots: its own, and those kept for a device without slots.

        Args:
            slot: The slot.
            job: Its job.
        """
        device = self._device_of.pop(slot, None)
        self._leave(slot)
        kept = self._kept[device]
        if job is not None and job.is_alone:
            kept.appendleft(job)
            job = None
        moved = [] if job is None else [job]
        if device not in self._device_of.values():
            moved += [replace(one, is_alone=False) for one in kept]
            self._tried_alone -= {one.trial for one in kept}
            kept.clear()
        return moved

    def _running_on(self, device: Hashable) -> dict[int, Job]:
        return {slot: job for slot, job in self._running.items() if self._device_of[slot] == device}

    def _leave(self, slot: int) -> None:
        self._running.pop(slot, None)
        self._beside_others.discard(slot)
