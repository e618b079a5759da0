"""The marker of these tests: they take minutes, and ``pytest -m faults`` runs them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.small_search import SmallSearch
from tests.support.studies import write_study
from tests.support.waiting import MOST_S

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def search(tmp_path: Path) -> Iterator[SmallSearch]:
    """A search of 6 trials of 6 epochs on 2 workers, which is not started yet. It leaves no process behind."""
    write_study(tmp_path, trials=6, epochs=6, images=1200)
    found = SmallSearch(tmp_path)
    yield found
    found.kill()
    deadline = time.monotonic() + MOST_S
    while found.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found.processes() == [], "processes outlived the search"
