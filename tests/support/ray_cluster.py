"""A Ray cluster of several nodes on this machine, each of them real processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import wait_until

STORE_BYTES = 80 * 2**20
"""The object store of a node; Ray takes no less than 75 MiB."""


class Nodes:
    """The nodes of a cluster on this machine; the head has no CPUs, so it runs no worker.

    Attributes:
        address: HOST:PORT of the head.
    """

    def __init__(self, folder: str) -> None:
        from ray.cluster_utils import Cluster

        head = {
            "num_cpus": 0,
            "object_store_memory": STORE_BYTES,
            "temp_dir": folder,
            "include_dashboard": False,
        }
        self._cluster = Cluster(initialize_head=True, head_node_args=head)
        self.address: str = self._cluster.address

    def add(self, num_cpus: int = 1) -> Any:
        """Add a node, and return it."""
        return self._cluster.add_node(num_cpus=num_cpus, object_store_memory=STORE_BYTES)

    @contextlib.contextmanager
    def added_without(self, hidden: Path, environment: Mapping[str, str]) -> Iterator[None]:
        """Add a node that does not see a folder of this machine; it takes the rights to mount."""
        start = [
            *(f"{Path(sys.executable).parent}/ray", "start", f"--address={self.address}", "--block"),
            *("--num-cpus=1", f"--object-store-memory={STORE_BYTES}"),
        ]
        hide = 'mount -t tmpfs tmpfs "$0" && exec "$@"'
        with tempfile.TemporaryFile() as said:
            node = subprocess.Popen(
                ["unshare", "--mount", "sh", "-c", hide, str(hidden), *start],
                env=os.environ | dict(environment),
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd="/",
            )

            def has_started() -> bool:
                if node.poll() is not None:
                    said.seek(0)
                    pytest.fail(f"the node ended with {node.returncode}:\n{said.read().decode()}")
                return bool(self._cluster.global_state.cluster_resources().get("CPU"))

            try:
                wait_until(has_started, "the start of a node")
                yield
            finally:
                node.terminate()
                node.wait()

    def kill(self, node: Any) -> None:
        """Kill all processes of a node at once, as a power cut does."""
        self._cluster.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        """End all processes of the cluster."""
        self._cluster.shutdown()


@contextlib.contextmanager
def nodes_on_this_machine(num: int) -> Iterator[Nodes]:
    """A cluster of ``num`` nodes with one CPU each, besides the head.

    Ray's files are removed at the end. Commands that connect to the cluster inherit the environment.
    """
    folder = tempfile.mkdtemp(prefix="ray-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        nodes = Nodes(folder)
        try:
            for _ in range(num):
                nodes.add()
            yield nodes
        finally:
            nodes.close()
            shutil.rmtree(folder, ignore_errors=True)


def processes_with(variable: str, value: str) -> list[int]:
    """Return the processes whose environment has this variable: a command and all that it started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{variable}={value}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found
