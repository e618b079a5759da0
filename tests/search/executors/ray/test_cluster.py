"""The connection to a Ray cluster."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from typing import Any

import pytest
import ray

from search.executors.ray.cluster import LOOPBACK, QUIET, SET_BY_RAY, Cluster
from search.executors.ray.reaper import MARK


def test_sigterm_while_ray_starts_has_the_usual_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        sys.exit(signal.SIGTERM)  # what Ray's handler does

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(SystemExit) as ended:
        Cluster(num_cpus=1)
    assert ended.value.code == 128 + signal.SIGTERM


@pytest.mark.slow
def test_clusters_listen_on_the_loopback_interface_and_leave_the_environment_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in (*LOOPBACK, *SET_BY_RAY):
        monkeypatch.delenv(name, raising=False)
    before = dict(os.environ)
    for _ in range(2):
        with closing(Cluster(num_cpus=1)) as cluster:
            (node,) = cluster.nodes()
        assert node.name.startswith("127.0.0.1 ")
        assert dict(os.environ) == before


@pytest.mark.parametrize("chosen", [None, "1"])
def test_later_processes_get_the_environment_from_before_the_cluster(
    monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    for name in (*LOOPBACK, *QUIET, MARK):
        monkeypatch.delenv(name, raising=False)
        if chosen is not None:
            monkeypatch.setenv(name, chosen)
    seen: dict[str, str] = {}
    monkeypatch.setattr(ray, "init", lambda **_: seen.update(os.environ))
    before = dict(os.environ)
    with closing(Cluster(num_cpus=1)):
        assert dict(os.environ) == before
    assert {name: seen[name] for name in LOOPBACK | QUIET} == {
        name: value if chosen is None else chosen for name, value in (LOOPBACK | QUIET).items()
    }
    assert seen[MARK] != chosen
