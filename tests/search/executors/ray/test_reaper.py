from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from search.executors.ray.reaper import MARK, Reaper, end_cluster, processes_of
from tests.support.waiting import MOST_S, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
SLEEP = [sys.executable, "-S", "-c", "import time; time.sleep(100)"]
DRIVER = """
import os, subprocess, sys, time
from search.executors.ray.reaper import Reaper
folder = sys.argv[1]
reaper = Reaper(folder)
subprocess.Popen(sys.argv[2:], env=os.environ | reaper.environment(), start_new_session=True)
print("started", flush=True)
time.sleep(100)
"""


@contextmanager
def sleeping(folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of the cluster in ``folder``."""
    with subprocess.Popen(SLEEP, env=os.environ | {MARK: folder}) as process:
        try:
            wait_until(lambda: processes_of(folder) == [process.pid], "the environment of a new process")
            yield process
        finally:
            process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "cluster"
    (made / "session").mkdir(parents=True)
    (made / "session" / "file").touch()
    return made


def test_end_cluster_kills_the_processes_of_its_folder_alone(folder: Path) -> None:
    with sleeping(str(folder)) as member, sleeping(f"{folder}2") as other:
        end_cluster(str(folder))
        assert member.wait(MOST_S) == -signal.SIGKILL
        assert other.poll() is None
    assert not folder.exists()


def test_reaper_closed_ends_the_cluster_before_it_returns(folder: Path) -> None:
    reaper = Reaper(str(folder))
    assert reaper.environment() == {MARK: str(folder)}
    with sleeping(str(folder)) as member:
        reaper.close()
        assert member.wait(MOST_S) == -signal.SIGKILL
    assert not folder.exists()


def test_processes_of_ray_that_write_in_the_folder_belong_to_the_cluster(folder: Path) -> None:
    titled = ["ray::Agent", *SLEEP[1:]]
    file = folder / "session" / "file"
    with (
        file.open("a") as written,
        file.open() as read,
        subprocess.Popen(titled, executable=sys.executable, stdout=written) as agent,
        subprocess.Popen(titled, executable=sys.executable, stdin=read) as reader,
        subprocess.Popen(SLEEP, stdout=written) as other,
    ):
        wait_until(lambda: processes_of(str(folder)), "the title of a new process")
        assert processes_of(str(folder)) == [agent.pid]
        for process in (agent, reader, other):
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_reaper_of_a_killed_driver_ends_its_cluster(folder: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-P", "-c", DRIVER, str(folder), *SLEEP]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == b"started\n"
        wait_until(lambda: len(processes_of(str(folder))) == 1, "the environment of a new process")
        driver.send_signal(number)
    wait_until(lambda: not folder.exists() and not processes_of(str(folder)), "the end of the cluster")
