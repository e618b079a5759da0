"""The connection to a Ray cluster."""

from __future__ import annotations

import signal
import sys
from typing import Any

import pytest
import ray

from search.executors.ray.cluster import Cluster


def test_sigterm_while_ray_starts_has_the_usual_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**_: Any) -> None:
        sys.exit(signal.SIGTERM)  # what Ray's handler does

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(SystemExit) as ended:
        Cluster(num_cpus=1)
    assert ended.value.code == 128 + signal.SIGTERM
