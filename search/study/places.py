"""Where a study trains: on this machine, or on the nodes of a Ray cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

from search.executors.liveness import HangLimits
from search.executors.slots import Slot, check_compiler, check_threads, count_cores, find_slots
from search.study.config import StudyConfig
from search.study.folder import StudyFolder
from space.core.text import plural

if TYPE_CHECKING:
    from search.executors.base import Executor
    from search.executors.messages import Setup
    from space.search_space import SearchSpace


class Places(Protocol):
    """The places of the workers of a study.

    Attributes:
        slots: The slots at this moment.
    """

    slots: list[Slot]

    def text(self) -> str:
        """Return the devices, workers and threads for the display."""
        ...

    def pack(
        self, space: SearchSpace, setup: Setup, folder: StudyFolder, tell: Callable[[str], None]
    ) -> None:
        """Measure how many trainings share a GPU, where the configuration says auto.

        Args:
            space: The search space, for a network of middle size.
            setup: The settings of all jobs.
            folder: The study's folder, which keeps the measurement.
            tell: Takes the lines of the measurement.
        """
        ...

    def make_executor(self, most: int, setup: Setup, folder: StudyFolder, fingerprint: str) -> Executor:
        """Return an executor with at most ``most`` workers.

        Args:
            most: The largest number of workers.
            setup: The settings of all jobs.
            folder: The study's folder.
            fingerprint: The identity of the study's images.
        """
        ...

    def close(self) -> None:
        """Leave the places; the executor is closed before."""
        ...


class LocalPlaces:
    """One process for each slot of this machine.

    Raises:
        InvalidInputError: The machine cannot run what the configuration asks for.
    """

    def __init__(self, config: StudyConfig) -> None:
        self._config = config
        self._sharing = ExitStack()
        self.slots = _local_slots(config)
        self._limits = _hang_limits(config)
        check_threads(config.execution.threads, self.slots)
        check_compiler(config.execution.compile, self.slots)

    def text(self) -> str:
        """Return the devices, workers and threads for the display."""
        return device_text(self.slots)

    def pack(
        self, space: SearchSpace, setup: Setup, folder: StudyFolder, tell: Callable[[str], None]
    ) -> None:
        """Measure how many trainings share a GPU, where the configuration says auto; then start MPS for them."""
        from search.executors.mps import multi_process_service
        from search.study.gpu_packing import packed_slots

        search = self._config.search
        if search.trials_per_gpu == "auto" and search.workers == "auto" and self.slots[0].gpu is not None:
            self.slots = packed_slots(self._config, space, setup, self.slots, folder.calibration, tell)
        if sharing := self._sharing.enter_context(multi_process_service(self.slots)):
            tell(sharing)

    def make_executor(self, most: int, setup: Setup, folder: StudyFolder, fingerprint: str) -> Executor:
        """Return the local executor; its logs are in the study's folder."""
        from search.executors.local import LocalExecutor

        return LocalExecutor(self.slots[:most], setup, folder.logs, self._limits)

    def close(self) -> None:
        """End MPS, if it was started."""
        self._sharing.close()


def _hang_limits(config: StudyConfig) -> HangLimits:
    return HangLimits(config.search.max_silence_s, config.search.stall_epochs)


def _local_slots(config: StudyConfig) -> list[Slot]:
    """Return the slots of a study; for a plan no more than trainings, which share the cores."""
    search, packing = config.search, _per_gpu(config)
    if config.plan is None:
        return find_slots(search.device, search.workers, trials_per_gpu=packing)
    return find_slots(search.device, search.workers, len(config.trainings), config.execution.threads, packing)


def _per_gpu(config: StudyConfig) -> float:
    """Return the configured number of trainings for each GPU; 1 before it is measured."""
    packing = config.search.trials_per_gpu
    return 1.0 if packing == "auto" else packing


class RayPlaces:
    """One actor for each slot of a Ray cluster.

    Raises:
        InvalidInputError: Ray is missing, no cluster answers, or no node has what the configuration asks for.
    """

    def __init__(self, config: StudyConfig) -> None:
        from search.executors.ray.cluster import Cluster
        from search.executors.ray.demand import demand_in

        self._limits = _hang_limits(config)
        search, threads = config.search, config.execution.threads
        self._threads = threads if isinstance(threads, int) else 1
        self._most = None if search.workers == "auto" else search.workers
        self._cluster = Cluster(search.address, max(count_cores(), (self._most or 1) * self._threads))
        try:
            self._nodes = self._cluster.nodes()
            self._demand = demand_in(self._nodes, search.device, self._threads, _per_gpu(config))
        except BaseException:
            self.close()
            raise
        self.slots = self._slots_now()

    def _slots_now(self) -> list[Slot]:
        on_gpu = self._demand.device == "cuda"
        found = []
        for index, node in enumerate(self._nodes):
            for place in range(self._demand.slots_on(node)):
                # the number of a GPU in the cluster: only different numbers matter
                gpu = 1_000 * index + int(place * self._demand.gpus)
                found.append(Slot("cuda", gpu=gpu) if on_gpu else Slot("cpu", threads=self._demand.threads))
        return found[: self._most]

    def text(self) -> str:
        """Return the devices, workers and threads for the display."""
        where = "Ray, started on this machine" if self._cluster.is_own else "a Ray cluster of "
        if not self._cluster.is_own:
            where += plural(len(self._nodes), "node")
        return f"{device_text(self.slots)}, on {where}"

    def pack(
        self, space: SearchSpace, setup: Setup, folder: StudyFolder, tell: Callable[[str], None]
    ) -> None:
        """Nothing is measured: the configuration gives a number."""

    def make_executor(self, most: int, setup: Setup, folder: StudyFolder, fingerprint: str) -> Executor:
        """Return the Ray executor; nodes that join give it further workers."""
        from search.executors.ray.executor import RayExecutor
        from search.executors.ray.order import StudyHome

        most = most if self._most is None else min(most, self._most)
        home = StudyHome(folder.path, folder.logs, fingerprint)
        return RayExecutor(self._cluster, self._demand, most, setup, home, self._limits)

    def close(self) -> None:
        """Disconnect; end Ray if it was started here."""
        self._cluster.close()


def device_text(slots: Sequence[Slot]) -> str:
    """Return the devices, workers and threads per worker of a search as text."""
    gpus = len({slot.gpu for slot in slots if slot.gpu is not None})
    workers = plural(len(slots), "worker")
    if gpus:
        return f"{plural(gpus, 'CUDA GPU')}, {workers}"
    threads = plural(slots[0].threads or 1, "thread")
    return f"cpu, {workers}{' with ' if len(slots) == 1 else ', each with '}{threads}"
