"""What all tests share: markers, one torch thread, as workers have, and Ctrl-C that reaches processes."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile

os.environ.setdefault("OMP_NUM_THREADS", "1")
# what is found out about this machine belongs to the tests, not to the user who runs them
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="mgnas-tests-")

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # as in what a script runs in the background: the processes of tests would ignore it as well
    signal.signal(signal.SIGINT, signal.default_int_handler)

atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)


@pytest.fixture(autouse=True)
def _families_of_plugins_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that is opened in this process brings its plugins along, and other tests shall not see them."""
    from space.networks import families

    monkeypatch.setattr(families, "_families", dict(families._families))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that need a GPU where there is none, visibly."""
    gpu_items = [item for item in items if item.get_closest_marker("gpu")]
    if not gpu_items:
        return
    import torch

    if not torch.cuda.is_available():
        config.hook.pytest_deselected(items=gpu_items)
        items[:] = [item for item in items if item not in gpu_items]
