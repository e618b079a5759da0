"""What all tests share: their environment, profiles of hypothesis, warm workers, and the marker ``gpu``."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

import tests.support.environment  # noqa: F401  (first: it changes the environment that torch reads)
from tests.support.postgres import PostgresServer
from tests.support.profiles import load_profile
from tests.support.warm_workers import SHARED

load_profile()

PREFIXES = ("MGNAS_", "RAY_", "CUDA_")
"""Beginnings of environment variables that searches set. Packages set others when they are imported."""
SET_BY_OTHERS = ("PYTEST_CURRENT_TEST", "RAY_CLIENT_MODE")


@pytest.fixture(scope="session", autouse=True)
def _in_an_empty_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """README's commands leave ``runs/digits`` in the checkout; no test may find a study where it stands."""
    with contextlib.chdir(tmp_path_factory.mktemp("empty")):
        yield


@pytest.fixture(scope="module", autouse=True)
def _no_module_changes_the_environment() -> Iterator[None]:
    """A variable that stays behind changes what later tests, and later programs of a user, do."""
    before = dict(os.environ)
    yield
    differing = {name for name, _ in before.items() ^ os.environ.items() if name not in SET_BY_OTHERS}
    assert not [name for name in differing if name in before or name.startswith(PREFIXES)]


@pytest.fixture(autouse=True)
def _families_of_plugins_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that is opened in this process loads its plugins; other tests must not see their families."""
    from space.networks import families

    monkeypatch.setattr(families, "_families", dict(families._families))


@pytest.fixture(autouse=True)
def _signal_handlers_are_restored() -> Iterator[None]:
    """A command that runs in this process installs its own handlers."""
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    yield
    for one, handler in handlers.items():
        signal.signal(one, handler)


@pytest.fixture(scope="session", autouse=True)
def _warm_workers() -> Iterator[None]:
    """Searches in this process fork their workers from one that has imported torch."""
    from search.executors import worker_process

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_process, "subprocess", SHARED)
        yield
    SHARED.close()


@pytest.fixture
def cold_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches in this process start their workers as users' searches do."""
    import subprocess

    from search.executors import worker_process

    monkeypatch.setattr(worker_process, "subprocess", subprocess)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that need a GPU where there is none, visibly."""
    gpu_items = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu_items:
        return
    import torch

    if not torch.cuda.is_available():
        config.hook.pytest_deselected(items=gpu_items)
        items[:] = [item for item in items if item not in gpu_items]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of this test process."""
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """The URL of an empty database."""
    return postgres.new_database()
