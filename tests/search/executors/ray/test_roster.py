"""The nodes that a search uses, and what a worker takes of them."""

from __future__ import annotations

import pytest

from search.executors.base import MAX_EARLY_DEATHS
from search.executors.ray import roster
from search.executors.ray.cluster import Node
from search.executors.ray.demand import Demand, demand_in
from search.executors.ray.roster import Roster
from space.core.errors import InvalidInputError

BIG, SMALL, GPU = Node("b", "big", 4, 0), Node("s", "small", 2, 0), Node("g", "gpu", 8, 2)


class Machines:
    """What Ray says of its nodes."""

    is_own = False

    def __init__(self, *nodes: Node) -> None:
        self.living = list(nodes)

    def nodes(self) -> list[Node]:
        return self.living


def roster_of(machines: Machines) -> Roster:
    return Roster(machines, Demand())  # type: ignore[arg-type]  # no Ray runs


@pytest.mark.parametrize(
    ("device", "nodes", "per_gpu", "chosen", "gpus", "slots"),
    [
        ("auto", (BIG, SMALL), 3, "cpu", 0, (2, 1)),
        ("auto", (BIG, GPU), 1, "cuda", 1, (0, 2)),
        ("auto", (BIG, GPU), 3, "cuda", 1 / 3, (0, 6)),
        ("auto", (BIG, GPU), 1.5, "cuda", 1, (0, 2)),
        ("auto", (BIG, GPU), 0.5, "cuda", 2, (0, 1)),
        ("cpu", (BIG, GPU), 3, "cpu", 0, (2, 4)),
    ],
)
def test_demand_suits_the_nodes(
    device: str, nodes: tuple[Node, ...], per_gpu: float, chosen: str, gpus: float, slots: tuple[int, ...]
) -> None:
    found = demand_in(nodes, device, threads=2, per_gpu=per_gpu)
    assert (found.device, found.gpus) == (chosen, gpus)
    assert tuple(found.slots_on(node) for node in nodes) == slots


@pytest.mark.parametrize(
    ("device", "threads", "message"),
    [("cuda", 1, "no node of the Ray cluster has a GPU"), ("auto", 8, "takes 8 CPUs of one node, but")],
)
def test_demand_that_no_node_can_meet_is_refused(device: str, threads: int, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        demand_in([BIG, SMALL], device, threads, 1)


def test_workers_are_spread_over_the_nodes_up_to_their_number() -> None:
    one = roster_of(Machines(BIG, SMALL))
    assert [node.name for node in one.places([], 4)] == ["big", "big", "big", "small"]
    assert [node.name for node in one.places([BIG] * 4, 100)] == ["small", "small"]
    assert one.places([BIG] * 4, 4) == []


def test_nodes_that_join_and_leave_are_named() -> None:
    machines = Machines(BIG)
    one = roster_of(machines)
    assert one.look() == []
    machines.living = [SMALL]
    assert [remark.text for remark in one.look()] == [
        "node big left the cluster: 4 workers fewer",
        "node small joined the cluster: 2 workers more",
    ]
    assert {node.name for node in one.places([], 9)} == {"small"}


def test_a_node_where_workers_do_not_start_is_given_up_and_no_other() -> None:
    one = roster_of(Machines(BIG, SMALL))
    for _ in range(MAX_EARLY_DEATHS - 1):
        assert one.note_early_death(BIG, "died") == []
    one.note_ready(BIG)
    for _ in range(MAX_EARLY_DEATHS - 1):
        assert one.note_early_death(BIG, "died") == []
    (remark,) = one.note_early_death(BIG, "died")
    assert remark.text.startswith("node big is given up: workers do not start (the last one died)")
    assert {node.name for node in one.places([], 9)} == {"small"}
    assert one.why_none() is None


def test_a_search_waits_for_nodes_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    machines = Machines(BIG)
    one = roster_of(machines)
    one.give_up(BIG, "it has no images")
    assert one.why_none() is None
    monkeypatch.setattr(roster, "WITHOUT_NODES_S", 0.0)
    assert one.why_none() == "no node of the Ray cluster can train: big: it has no images"
    machines.living = [SMALL]
    one.look()
    assert one.why_none() is None
    machines.living = []
    one.look()
    assert one.why_none() == "no node of the Ray cluster is left"
