"""The Ray executor: one persistent actor for each slot of a cluster, whose nodes may join and die."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from itertools import count
from pathlib import Path

from search.executors.liveness import HangLimits, Liveness, WakingClock
from search.executors.messages import (
    Beat,
    Deferred,
    Epoch,
    Event,
    Failed,
    Fatal,
    Finished,
    Job,
    Lost,
    Measured,
    Paused,
    Ready,
    Recovered,
    Remark,
    Setup,
    Silent,
)
from search.executors.ray.cluster import Cluster, Node
from search.executors.ray.deaths import explain_death
from search.executors.ray.demand import Demand
from search.executors.ray.order import StudyHome, make_order
from search.executors.ray.parcel import Parcel
from search.executors.ray.protocol import Answer, NeedsImages, Opened, Order, Saved
from search.executors.ray.roster import Roster
from search.executors.ray.slot import START_S, RaySlot, read_answers
from search.executors.run_job import system_error
from search.executors.sharing import DeviceSharing
from space.core.atomic_files import write_atomic
from space.core.system_errors import explain_system_error
from trainers.checkpoint import store_content

LOOK_EVERY_S = 1.0
"""Seconds between two looks at the nodes of the cluster."""


class RayExecutor:
    """Runs jobs in one persistent actor for each slot, and replaces actors that die.

    A job that runs out of memory beside others runs again alone on its device.

    Args:
        cluster: The cluster; it outlives the executor.
        demand: What a worker takes of a node.
        most: The largest number of workers.
        setup: The settings of all jobs.
        home: The study on the driver's machine.
        limits: When a worker hangs.
    """

    def __init__(
        self,
        cluster: Cluster,
        demand: Demand,
        most: int,
        setup: Setup,
        home: StudyHome,
        limits: HangLimits | None = None,
    ) -> None:
        self._limits = limits or HangLimits()
        self._clock = WakingClock().start()
        self._numbers = count()
        self._demand = demand
        self._most = most
        self._roster = Roster(cluster, demand)
        self._parcel = Parcel(setup.data)
        self._waiting: deque[Job] = deque()
        self._slots: list[RaySlot] = []
        self._sharing = DeviceSharing({})
        self._look_at_s = 0.0
        self._said_waiting = False
        home.logs.mkdir(parents=True, exist_ok=True)
        self._order = make_order(setup, demand, home)
        self._probe = Path(self._order.probe.path)
        self._fill()

    # -- slots -------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        """Start an actor in each free place of the cluster."""
        for node in self._roster.places([slot.node for slot in self._slots], self._most):
            liveness = Liveness(self._clock, self._limits)
            order = self._order_for(node)
            self._slots.append(RaySlot(next(self._numbers), node, self._demand, order, liveness))

    def _order_for(self, node: Node) -> Order:
        share, of_gpu = 1 / self._demand.slots_on(node), self._demand.device_share
        setup = replace(self._order.setup, memory_share=share, device_share=of_gpu)
        return replace(self._order, setup=setup)

    def free_slots(self) -> int:
        """Return the number of jobs that may be submitted now; starting actors count as free for a minute."""
        without_job = [slot for slot in self._slots if slot.job is None and self._sharing.is_open(slot.index)]
        free = sum(slot.is_ready or slot.age_s < START_S for slot in without_job)
        return max(0, free - len(self._waiting))

    def submit(self, job: Job) -> None:
        """Run ``job`` in the next slot that is ready."""
        self._waiting.append(job)

    def _give_out(self) -> list[Event]:
        """Give idle actors the jobs that must run alone, then the waiting ones."""
        events: list[Event] = []
        idle = {slot.index: slot for slot in self._slots if slot.is_idle}
        for index, job in self._sharing.take_alone(list(idle)):
            events.append(self._give(idle.pop(index), job))
        for slot in idle.values():
            if self._waiting and self._sharing.is_open(slot.index):
                events.append(self._give(slot, self._waiting.popleft()))
        return events

    def _give(self, slot: RaySlot, job: Job) -> Event:
        self._sharing.begin(slot.index, job)
        try:
            return slot.begin(job)
        except OSError as error:
            return system_error(error, job.checkpoint_path)

    # -- events ------------------------------------------------------------------------------------------

    def poll(self, timeout_s: float) -> list[Event]:
        """Return the events since the last call, in order; those of a trial have the order of its actor."""
        try:
            return self._poll(timeout_s)
        except ConnectionError as error:
            return [Fatal(str(error))]

    def _poll(self, timeout_s: float) -> list[Event]:
        deadline_s = time.monotonic() + timeout_s
        while True:
            events = [*self._look_at_nodes(), *self._give_out()]
            until_s = min(deadline_s, self._look_at_s)
            wait_s = 0.0 if events else max(0.0, until_s - time.monotonic())
            for slot, answer in read_answers(self._slots, wait_s):
                events += self._handle(slot, answer)
            events += self._check_hangs()
            if events or time.monotonic() >= deadline_s:
                return [*events, *self._give_out()]

    def _look_at_nodes(self) -> list[Event]:
        """Start actors on nodes that joined, or in place of dead ones; say when no node is left."""
        if time.monotonic() < self._look_at_s:
            return []
        self._look_at_s = time.monotonic() + LOOK_EVERY_S
        events: list[Event] = [*self._roster.look()]
        self._fill()
        if (why := self._roster.why_none()) is not None and not self._slots:
            return [*events, Fatal(why)]
        if not self._said_waiting and self._slots and all(slot.is_pending for slot in self._slots):
            self._said_waiting = True
            events.append(
                Remark(f"no worker has started for {START_S:.0f} s: others use the resources of the cluster")
            )
        return [*events, *self._send_images()]

    def _handle(self, slot: RaySlot, answer: Answer | Exception | None) -> list[Event]:
        if slot not in self._slots:
            return []
        if answer is None:
            slot.stream = None
            return self._bury(slot, RuntimeError("its actor lost the job")) if slot.job else []
        if isinstance(answer, Exception):
            return self._bury(slot, answer)
        if isinstance(answer, (Opened, NeedsImages, Saved)):
            slot.liveness.hear(Beat())
            return self._handle_file(slot, answer)
        slot.liveness.hear(answer)
        if isinstance(answer, Beat):
            return []
        if isinstance(answer, Fatal):
            return self._give_up(slot, answer)
        if isinstance(answer, Epoch):
            if answer.report.epoch <= slot.epochs_heard:
                return []  # trained again, since the driver's checkpoint is older than its reports
            slot.epochs_heard = answer.report.epoch
        elif isinstance(answer, Measured) and slot.job is not None:
            slot.job = replace(slot.job, known_latency_ms=answer.latency_ms)
        elif isinstance(answer, Ready):
            slot.is_ready = True
            self._roster.note_ready(slot.node)
        elif isinstance(answer, (Paused, Finished, Failed)):
            return [self._end_job(slot, answer)]
        return [answer]

    def _end_job(self, slot: RaySlot, event: Paused | Finished | Failed) -> Event:
        job, slot.job = slot.job, None
        assert job is not None
        job = replace(job, known_epochs=slot.epochs_heard)
        is_memory = isinstance(event, Failed) and event.is_memory
        if self._sharing.end(slot.index, job, is_memory=is_memory):
            assert isinstance(event, Failed)
            return Deferred(event.trial, event.reason, f"{slot.device} of node {slot.node.name}")
        return event

    def _handle_file(self, slot: RaySlot, answer: Opened | NeedsImages | Saved) -> list[Event]:
        if isinstance(answer, Opened):
            slot.opened = answer
            self._sharing.join(slot.index, slot.place)
            return []
        if isinstance(answer, NeedsImages):
            self._parcel.wanted_by.append(slot)
            return self._send_images()
        assert slot.job is not None
        try:
            if answer.kind == "weights":
                Path(slot.job.weights_path).parent.mkdir(exist_ok=True)  # not a moved study's folder
                write_atomic(slot.job.weights_path, answer.content)
            else:
                store_content(Path(slot.job.checkpoint_path), answer.content)
        except OSError as error:
            return [system_error(error, slot.job.weights_path)]
        except ValueError as error:
            return self._bury(slot, error)
        return []

    def _send_images(self) -> list[Event]:
        """Send the packed images to the actors that want them."""
        try:
            self._parcel.send()
        except OSError as error:
            return [Fatal(f"the images cannot be sent to a node: {explain_system_error(error)}")]
        return []

    # -- deaths ------------------------------------------------------------------------------------------

    def _bury(self, slot: RaySlot, error: Exception) -> list[Event]:
        """Remove a slot whose actor died; the next look at the nodes replaces it."""
        self._remove(slot)
        events: list[Event] = [*self._roster.look()]
        death = explain_death(error, slot.node, is_alive=slot.node.id in self._roster.nodes)
        if not slot.is_ready and self._roster.is_usable(slot.node):
            events += self._roster.note_early_death(slot.node, death.reason)
            self._drop_given_up()
        return events + self._lost(slot, death.reason, is_memory=death.is_memory)

    def _lost(self, slot: RaySlot, reason: str, *, is_memory: bool = False) -> list[Event]:
        """Note that a slot is no more; the driver submits its job again."""
        if slot.job is not None:
            self._sharing.lose(slot.index, slot.job, is_memory=is_memory)
        return [] if slot.job is None else [Lost(slot.job.trial, f"its worker {reason}", is_memory)]

    def _give_up(self, slot: RaySlot, fatal: Fatal) -> list[Event]:
        """Give up the node of a worker that cannot continue; a full disk of the study ends the search."""
        if fatal.disk_full and slot.opened is not None and slot.opened.is_shared:
            return [fatal]
        self._remove(slot)
        events: list[Event] = [*self._roster.give_up(slot.node, fatal.reason)]
        self._drop_given_up()
        return events + self._lost(slot, f"on {slot.node.name} stopped: {fatal.reason}")

    def _drop_given_up(self) -> None:
        """Remove the actors of given-up nodes that are not ready; the others continue."""
        for slot in list(self._slots):
            if not slot.is_ready and not self._roster.is_usable(slot.node):
                self._remove(slot)

    def _remove(self, slot: RaySlot) -> None:
        self._slots.remove(slot)
        self._waiting += self._sharing.give_up(slot.index, None)
        slot.end()
        self._look_at_s = 0.0

    def _check_hangs(self) -> list[Event]:
        """Replace the workers that hang; return those that fell silent, or recovered, since the last call."""
        events: list[Event] = []
        for slot in list(self._slots):
            if slot.opened is None or slot.stream is None:
                continue  # it waits for resources, images or a job, and sends nothing
            hang = slot.liveness.hang(is_busy=True)
            if hang is not None and hang.is_over_limit:
                why = f"was killed, since it {hang.what} for {hang.seconds:.0f} s"
                events += self._bury(slot, TimeoutError(why))
                continue
            if slot.job and (hang is not None) != slot.liveness.is_silent:
                trial = slot.job.trial
                events.append(
                    Silent(trial, f"its worker {hang.what}", hang.seconds) if hang else Recovered(trial)
                )
            slot.liveness.is_silent = hang is not None and slot.job is not None
        return events

    def close(self) -> None:
        """Kill the actors; their trainings are aborted."""
        for slot in self._slots:
            slot.end()
        self._slots, self._most = [], 0
        self._waiting.clear()
        self._parcel.close()
        self._probe.unlink(missing_ok=True)
