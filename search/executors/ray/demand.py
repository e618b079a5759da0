"""What one worker takes of a node: CPUs, or a fraction of a GPU."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from search.executors.ray.cluster import Node
from search.executors.slots import Slot
from space.core.errors import InvalidInputError

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Demand:
    """The resources of one worker.

    Attributes:
        device: ``cpu`` or ``cuda``.
        threads: Threads of a worker on CPUs, each with a CPU of its own.
        gpus: GPUs of a worker: a whole number, or the fraction of one that Ray reserves.
    """

    device: str = "cpu"
    threads: int = 1
    gpus: float = 0.0

    @property
    def device_share(self) -> float:
        """The fraction of its GPU's memory that a worker may use."""
        return min(1.0, self.gpus) or 1.0

    def slots_on(self, node: Node) -> int:
        """Return how many workers a node has room for."""
        if self.device == "cuda":
            if self.gpus < 1:  # a worker cannot have parts of two GPUs
                return int(node.gpus) * round(1 / self.gpus)
            return int(node.gpus / self.gpus + _ROUNDING)
        return int(node.cpus / self.threads + _ROUNDING)

    def options(self, node: Node) -> dict[str, Any]:
        """Return Ray's options of an actor on ``node``; Ray sets CUDA_VISIBLE_DEVICES for a GPU."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        on_gpu = self.device == "cuda"
        variables = {} if on_gpu else Slot("cpu", threads=self.threads).environment()
        return {
            "num_cpus": 0 if on_gpu else self.threads,
            "num_gpus": self.gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node.id, soft=False),
            "runtime_env": {"env_vars": variables},  # set before the actor imports torch
        }


def demand_in(nodes: Sequence[Node], device: str, threads: int, per_gpu: float) -> Demand:
    """Return the demand of a worker: on GPUs if a node has one, as for ``search.device = "auto"``.

    Args:
        nodes: The nodes of the cluster.
        device: ``auto``, ``cpu`` or ``cuda``.
        threads: The CPU threads of a worker.
        per_gpu: Workers for each GPU, rounded down to a whole number; below 1 a worker has several GPUs.

    Raises:
        InvalidInputError: ``device`` is cuda and no node has a GPU, or no node has enough CPUs.
    """
    has_gpus = any(node.gpus for node in nodes)
    if device == "cuda" and not has_gpus:
        raise InvalidInputError(
            "search.device is 'cuda', but no node of the Ray cluster has a GPU; use 'auto' or 'cpu'"
        )
    if has_gpus and device != "cpu":
        return Demand("cuda", 1, 1 / int(per_gpu) if per_gpu >= 1 else math.ceil(1 / per_gpu - _ROUNDING))
    demand = Demand("cpu", threads)
    if not any(demand.slots_on(node) for node in nodes):
        most = max((int(node.cpus) for node in nodes), default=0)
        raise InvalidInputError(
            f"a worker takes {threads} CPUs of one node, but the nodes of the Ray cluster have at most {most}; "
            "set fewer threads (--set execution.threads=1), or start Ray with more CPUs (--num-cpus)"
        )
    return demand
