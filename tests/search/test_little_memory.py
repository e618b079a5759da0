"""Less memory than a network wants, for real: in a control group, where the system kills who takes more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from results.study import open_study
from tests.search.studies import command
from trainers.memory_size import GROUPS, kills_for_memory

LIMIT_MIB = 900
STUDY = """
[data]
source = "npz:images.npz"
val_fraction = 0.2

[space]
levels = 1
nu = 1
c_u = [16, 17]
c_f = "c_u"
share_b = "level"

[train]
epochs = 2
batch_size = 256
optimizer = "sgd"
precision = "float32"

[execution]
channels_last = true
{execution}

[search]
trials = 1
workers = 1
sampler = "random"
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with a limit on memory; making one takes root, and cgroups of version 1 or 2."""
    is_first = (GROUPS / "memory").is_dir()
    group = (GROUPS / "memory" if is_first else GROUPS) / f"mgnas-test-{os.getpid()}"
    try:
        group.mkdir()
        limit = group / ("memory.limit_in_bytes" if is_first else "memory.max")
        limit.write_text(str(LIMIT_MIB * 2**20))
    except OSError as error:
        group.rmdir() if group.is_dir() else None
        pytest.skip(f"no control group can be made here ({error})")
    yield group
    for _ in range(50):
        try:
            group.rmdir()
            return
        except OSError:  # the last of its processes is still leaving
            time.sleep(0.1)


def search(folder: Path, group: Path, execution: str) -> subprocess.CompletedProcess[str]:
    (folder / "big.toml").write_text(STUDY.format(execution=execution), encoding="utf-8")
    return run_in(group, folder, "search", "big.toml")


def run_in(group: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (400, 64, 64, 1), dtype=np.uint8)
    np.savez(folder / "images.npz", x_train=images, y_train=np.arange(400) % 2)
    enter = f'echo $$ > {group}/cgroup.procs && exec "$@"'
    return subprocess.run(
        ["sh", "-c", enter, "sh", *command(*arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_a_worker_that_was_killed_for_memory_goes_on_with_less_at_once(tmp_path: Path, group: Path) -> None:
    """Batches of 256 images want about 500 MiB besides what Python and torch take."""
    run = search(tmp_path, group, "micro_batch = 256")
    assert run.returncode == 0, run.stderr
    assert "the system killed its worker, for there was no more memory" in run.stderr
    (record,) = open_study(tmp_path / "runs/big").records
    assert record.state == "complete"
    assert record.losses == 0
    assert record.measured["micro_batch"] in (32.0, 64.0, 128.0)


def test_a_training_that_was_killed_for_memory_goes_on_with_less_at_once(tmp_path: Path, group: Path) -> None:
    arguments = ["train", "MgNet[1]-16-B^l", "--data", "npz:images.npz", "--epochs", "2", "--to", "big"]
    for setting in ("execution.micro_batch=256", "execution.channels_last=true", "train.batch_size=256"):
        arguments += ["--set", setting]
    arguments += ["--set", "train.precision=float32", "--set", "train.optimizer=sgd"]
    runs = [run_in(group, tmp_path, *arguments)]
    while runs[-1].returncode == -signal.SIGKILL and len(runs) < 5:
        runs.append(run_in(group, tmp_path, *arguments))
    assert runs[0].returncode == -signal.SIGKILL
    assert "was killed" not in runs[0].stderr
    assert runs[-1].returncode == 0, runs[-1].stderr
    assert f"batches are trained on in {2 ** (len(runs) - 1)} parts" in runs[-1].stderr
    (result,) = (tmp_path / "big").glob("seed-*.json")
    assert json.loads(result.read_text())["measured"]["micro_batch"] == 256 / 2 ** (len(runs) - 1)
    assert not list((tmp_path / "big").glob("*.running"))


def test_networks_begin_with_what_their_control_group_has_room_for(tmp_path: Path, group: Path) -> None:
    run = search(tmp_path, group, "")
    assert run.returncode == 0, run.stderr
    assert "killed" not in run.stderr
    (record,) = open_study(tmp_path / "runs/big").records
    assert record.state == "complete"
    assert record.measured["micro_batch"] in (32.0, 64.0, 128.0)


def test_kills_are_counted() -> None:
    assert kills_for_memory() >= 0
