"""The nodes that a search uses: those that join, those that die, and those where workers do not start."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable

from search.executors.base import MAX_EARLY_DEATHS
from search.executors.messages import Remark
from search.executors.ray.cluster import Cluster, Node
from search.executors.ray.demand import Demand
from space.core.text import plural

WITHOUT_NODES_S = 60.0
"""Seconds without a usable node after which a search on a cluster ends; nodes may join meanwhile."""


class Roster:
    """The usable nodes of a cluster.

    Args:
        cluster: The cluster.
        demand: What a worker takes of a node.

    Attributes:
        nodes: The living nodes by their identity, as of the last look.
    """

    def __init__(self, cluster: Cluster, demand: Demand) -> None:
        self._cluster = cluster
        self._demand = demand
        self._early_deaths: Counter[str] = Counter()
        self._given_up: dict[str, str] = {}
        self._none_since_s: float | None = None
        self.nodes = {node.id: node for node in cluster.nodes()}

    def look(self) -> list[Remark]:
        """Ask Ray for the living nodes; return remarks on those that joined or died since the last look."""
        before, self.nodes = self.nodes, {node.id: node for node in self._cluster.nodes()}
        joined = [node for node in self.nodes.values() if node.id not in before]
        gone = [node for node in before.values() if node.id not in self.nodes]
        return [
            *(Remark(f"node {node.name} left the cluster: {self._room(node)} fewer") for node in gone),
            *(Remark(f"node {node.name} joined the cluster: {self._room(node)} more") for node in joined),
        ]

    def _room(self, node: Node) -> str:
        return plural(self._demand.slots_on(node), "worker")

    def places(self, taken: Iterable[Node], most: int) -> list[Node]:
        """Return the nodes for further workers, the emptiest first.

        Args:
            taken: The node of each worker that exists.
            most: The number of workers of the search.
        """
        used = Counter(node.id for node in taken)
        found: list[Node] = []
        while sum(used.values()) < most:
            room = {node.id: self._demand.slots_on(node) - used[node.id] for node in self._usable()}
            emptiest = max(room, key=lambda name: room[name], default=None)
            if emptiest is None or room[emptiest] <= 0:
                break
            found.append(self.nodes[emptiest])
            used[emptiest] += 1
        return found

    def _usable(self) -> list[Node]:
        return [node for node in self.nodes.values() if node.id not in self._given_up]

    def is_usable(self, node: Node) -> bool:
        """Return whether the node lives and is not given up."""
        return node.id in self.nodes and node.id not in self._given_up

    def note_ready(self, node: Node) -> None:
        """Record that a worker of the node is ready."""
        self._early_deaths[node.id] = 0

    def note_early_death(self, node: Node, reason: str) -> list[Remark]:
        """Record that a worker of a living node died before it was ready; the third in a row gives the node up."""
        self._early_deaths[node.id] += 1
        if self._early_deaths[node.id] < MAX_EARLY_DEATHS:
            return []
        return self.give_up(node, f"workers do not start (the last one {reason})")

    def give_up(self, node: Node, reason: str) -> list[Remark]:
        """Use the node no more in this run."""
        if not self.is_usable(node):
            return []
        self._given_up[node.id] = reason
        return [Remark(f"node {node.name} is given up: {reason}; the other nodes continue")]

    def why_none(self) -> str | None:
        """Return why the search cannot continue: no node was usable for some time; None if it can."""
        if any(self._demand.slots_on(node) for node in self._usable()):
            self._none_since_s = None
            return None
        now_s = time.monotonic()
        self._none_since_s = self._none_since_s or now_s
        if not self._cluster.is_own and now_s - self._none_since_s < WITHOUT_NODES_S:
            return None
        reasons = [
            f"{self.nodes[one].name}: {why}" for one, why in self._given_up.items() if one in self.nodes
        ]
        if not reasons:
            return "no node of the Ray cluster is left"
        return f"no node of the Ray cluster can train: {'; '.join(reasons)}"
