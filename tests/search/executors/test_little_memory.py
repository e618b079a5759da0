"""Networks beyond real memory limits: a control group in which the system kills large processes."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from results.open import open_study
from search.executors.local import LocalExecutor
from search.executors.messages import Event, Job, Lost, Ready, Setup
from search.executors.slots import find_slots
from tests.support.command_line import command
from tests.support.waiting import MOST_S, wait_until
from trainers.data.config import DataConfig
from trainers.device.execution import ExecutionConfig
from trainers.device.memory_size import _VERSION_1, _VERSION_2, GROUPS, kills_for_memory
from trainers.recipe import Recipe

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
    wait_until(lambda: not (group / "cgroup.procs").read_text(), "the end of the processes in the group")
    group.rmdir()


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
        timeout=MOST_S,
        check=False,
    )


@pytest.mark.slow
def test_a_worker_that_was_killed_for_memory_goes_on_with_less_at_once(tmp_path: Path, group: Path) -> None:
    """Batches of 256 images want about 500 MiB besides what Python and torch take."""
    run = search(tmp_path, group, "micro_batch = 256")
    assert run.returncode == 0, run.stderr
    assert "its worker was killed by the out-of-memory killer" in run.stderr
    (record,) = open_study(tmp_path / "runs/big").records
    assert record.state == "complete"
    assert record.losses == 0
    assert record.training_costs is not None
    assert record.training_costs.micro_batch in (32, 64, 128)


@pytest.mark.slow
def test_a_training_that_was_killed_for_memory_goes_on_with_less_at_once(tmp_path: Path, group: Path) -> None:
    arguments = ["train", "MgNet[1]-16-B^l", "--data", "npz:images.npz", "--epochs", "2", "-o", "big"]
    for setting in ("execution.micro_batch=256", "execution.channels_last=true", "train.batch_size=256"):
        arguments += ["--set", setting]
    arguments += ["--set", "train.precision=float32", "--set", "train.optimizer=sgd"]
    run = run_in(group, tmp_path, *arguments)
    assert run.returncode == 0, run.stderr
    assert "its worker was killed by the out-of-memory killer" in run.stderr
    (record,) = open_study(tmp_path / "big").records
    assert (record.state, record.losses) == ("complete", 0)
    assert record.training_costs is not None
    assert record.training_costs.micro_batch in (32, 64, 128)


@pytest.mark.slow
def test_networks_begin_with_what_their_control_group_has_room_for(tmp_path: Path, group: Path) -> None:
    run = search(tmp_path, group, "")
    assert run.returncode == 0, run.stderr
    assert "killed" not in run.stderr
    (record,) = open_study(tmp_path / "runs/big").records
    assert record.state == "complete"
    assert record.training_costs is not None
    assert record.training_costs.micro_batch in (32, 64, 128)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("memory.events", "low 0\nhigh 0\nmax 31\noom 4\noom_kill 3\noom_group_kill 0\n"),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
    ],
)
def test_kills_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    files = [kind for kind in (_VERSION_1, _VERSION_2) if kind.kills == name]
    monkeypatch.setattr("trainers.device.memory_size._groups", lambda: iter([(tmp_path, *files)]))
    assert kills_for_memory() == 3


@pytest.mark.slow
def test_each_kill_explains_one_death(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("search.executors.local.kills_for_memory", lambda: 5)
    setup = Setup(DataConfig(source="digits"), ExecutionConfig(), str(tmp_path / "calibration"))
    executor = LocalExecutor(find_slots("cpu", 3), setup, tmp_path / "logs")
    try:
        events: list[Event] = []
        while len(events) < 3:
            events += executor.poll(60.0)
        assert events == [Ready()] * 3
        pids = executor.pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        for trial in range(3):
            executor.submit(Job(trial, {}, Recipe(), 0, "weights", "checkpoint"))
        monkeypatch.setattr("search.executors.local.kills_for_memory", lambda: 7)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        lost: list[Event] = []
        while len(lost) < 3:
            lost += [event for event in executor.poll(60.0) if isinstance(event, Lost)]
    finally:
        executor.close()
    assert sorted(event.is_memory for event in lost if isinstance(event, Lost)) == [False, True, True]
