"""The Ray cluster of a search: one that runs already, or one that is started on this machine."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from search.executors.ray.reaper import Reaper
from space.core.errors import InvalidInputError, shortened, shown

CONNECT_S = 5.0
MOST_FOLDER = 24
"""The longest path, in characters, below which Ray's sockets have names of at most 107 characters."""
STORE_BYTES = 128 * 2**20
"""The object store of a cluster that is started here: only messages pass it, files are on this machine."""
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # otherwise Ray warns of it
}
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Ray then listens on the loopback interface only, as by default on macOS and Windows."""
SET_BY_RAY = ("RAY_AUTH_MODE", "RAY_CLIENT_MODE", "PYTHONBREAKPOINT")
"""Variables that Ray sets in a program that connects, and leaves there."""


@dataclass(frozen=True)
class Node:
    """A living machine of the cluster.

    Attributes:
        id: Ray's identity of it.
        name: Its address and the beginning of its identity, for messages.
        cpus: The CPUs that Ray may use.
        gpus: The GPUs that Ray may use.
    """

    id: str
    name: str
    cpus: float
    gpus: float


class Cluster:
    """A connection to a Ray cluster; one that is started here ends with it.

    Args:
        address: ``auto`` or HOST:PORT of the head; None starts Ray on this machine.
        num_cpus: The CPUs of a cluster that is started here.

    Raises:
        InvalidInputError: Ray is not installed, or no cluster answers at ``address``.

    Attributes:
        is_own: Whether the cluster was started here; no node can join it.
    """

    def __init__(self, address: str | None = None, num_cpus: int | None = None) -> None:
        self.is_own = address is None
        self._reaper: Reaper | None = None
        self._environment = {name: os.environ.get(name) for name in SET_BY_RAY}
        ray = _import_ray()
        self._was_connected = ray.is_initialized()
        if self._was_connected:
            self.is_own = False
            return
        if address not in (None, "auto"):
            _check_answers(address)
        where: dict[str, Any] = {"address": address}
        if self.is_own:
            folder = tempfile.mkdtemp(prefix="mgnas-ray-", dir=_short_folder())
            self._reaper = Reaper(folder)
            where = {
                "address": "local",
                "num_cpus": num_cpus,
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
                "_temp_dir": folder,
            }
        try:
            own = {} if self._reaper is None else _default(LOOPBACK) | self._reaper.environment()
            with _neutral_surroundings(), _environment(_default(QUIET) | own), _as_imported_now():
                ray.init(**where, log_to_driver=False, configure_logging=False, namespace="mgnas")
        except Exception as error:  # Ray raises any kind, also plain ones
            self.close()
            raise InvalidInputError(_no_connection(address, error)) from None
        except SystemExit as error:  # Ray's own handler of SIGTERM exits with the number of the signal
            self.close()
            raise SystemExit(128 + signal.SIGTERM if error.code == signal.SIGTERM else error.code) from None
        except BaseException:
            self.close()
            raise

    def nodes(self) -> list[Node]:
        """Return the living nodes, in the order of their identities.

        Raises:
            ConnectionError: The head does not answer.
        """
        import ray

        try:
            found = [_node(facts) for facts in ray.nodes() if facts["Alive"]]
        except Exception as error:  # Ray raises any kind
            reason = shortened(str(error).partition("\n")[0])
            raise ConnectionError(f"the head of the Ray cluster does not answer ({reason})") from None
        return sorted(found, key=lambda node: node.id)

    def close(self) -> None:
        """Disconnect; end Ray if it was started here."""
        import ray

        if not self._was_connected:
            ray.shutdown()
            _restore(self._environment)
        if self._reaper is not None:
            self._reaper.close()
            self._reaper = None


def _node(facts: dict[str, Any]) -> Node:
    resources = facts["Resources"]
    name = f"{facts['NodeManagerAddress']} ({facts['NodeID'][:6]})"
    return Node(facts["NodeID"], name, resources.get("CPU", 0.0), resources.get("GPU", 0.0))


def _import_ray() -> Any:
    """Import Ray; its messages stay out of the display of the search."""
    try:
        with _environment(_default(QUIET)):
            import ray
            import ray._private.worker as ray_worker
    except ImportError as error:
        raise InvalidInputError(
            f"search.executor = 'ray' needs the package ray ({shortened(str(error))}): pip install 'mgnas[ray]'"
        ) from None
    ray_worker._worker_logs_enabled = False  # the driver hears of dead workers itself; Ray prints to stdout
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    return ray


@contextlib.contextmanager
def _neutral_surroundings() -> Iterator[None]:
    """Start Ray from the root folder, and keep the handler of SIGTERM.

    Ray adds the current folder to the module path of workers. A file ``search.py`` there would hide our package.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        with contextlib.chdir("/"):
            yield
    finally:
        if is_main:
            signal.signal(signal.SIGTERM, before)


def _default(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables, with the user's values of those that are set."""
    return {name: os.environ.get(name, value) for name, value in variables.items()}


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set the environment variables of processes that start now.

    Later processes of this program get those from before: they are not part of the cluster, and may start another one.
    """
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        _restore(before)


def _restore(variables: Mapping[str, str | None]) -> None:
    """Give environment variables the values that they had, and remove those that were not set."""
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextlib.contextmanager
def _as_imported_now() -> Iterator[None]:
    """Let Ray obey ``LOOPBACK``, which it reads only when it is imported; a program may import it long before."""
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    values = [os.environ[name].lower() for name in LOOPBACK if name in os.environ]
    ray_constants.ENABLE_RAY_CLUSTER = all(value in ("1", "true") for value in values) if values else before
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _short_folder() -> str:
    """Return the temporary folder; /tmp in place of a long path, since the names of Ray's sockets are limited."""
    folder = tempfile.gettempdir()
    return folder if len(folder) <= MOST_FOLDER else "/tmp"


def _check_answers(address: str) -> None:
    """Raise InvalidInputError if nothing listens at HOST:PORT; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidInputError(f"search.address must be auto or HOST:PORT, but got {shown(address)}")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise InvalidInputError(_no_connection(address, error)) from None


def _no_connection(address: str | None, error: Exception) -> str:
    reason = shortened(str(error).partition("\n")[0].partition(". ")[0])
    if address is None:
        return f"Ray does not start on this machine: {reason}"
    return (
        f"no Ray cluster answers at search.address = {shown(address)} ({reason}); start one with "
        "'ray start --head' and name its address, or unset search.address to start Ray here"
    )
