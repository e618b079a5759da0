"""NVIDIA's Multi-Process Service, with a stand-in for its command that records how it is called."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from search.executors import mps
from search.executors.mps import CONTROL, LOGS, PIPES, multi_process_service, shares_a_gpu
from search.executors.slots import Slot

TWO = [Slot("cuda", gpu=0), Slot("cuda", gpu=0)]


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A command of this name in PATH; returns the file with its calls."""
    calls = tmp_path / "calls"
    command = tmp_path / CONTROL
    command.write_text(
        "#!/bin/sh\n"
        f'echo "$* $CUDA_MPS_PIPE_DIRECTORY ${{CUDA_VISIBLE_DEVICES-none}}" >> {calls}\n'
        f'[ -n "$*" ] || cat >> {calls}\n'
        f"[ ! -e {tmp_path}/refuses ]\n"
    )
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(mps, "_DEFAULT_PIPES", tmp_path / "nowhere")
    monkeypatch.delenv(PIPES, raising=False)
    return calls


def test_slots_share_a_gpu_if_two_name_the_same() -> None:
    assert shares_a_gpu(TWO)
    assert not shares_a_gpu([Slot("cuda", gpu=0), Slot("cuda", gpu=1)])
    assert not shares_a_gpu([Slot("cpu"), Slot("cpu")])


def test_service_runs_inside_the_block_for_all_gpus(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    with multi_process_service(TWO) as how:
        folder = os.environ[PIPES]
        assert os.environ[LOGS] == folder
        assert Path(folder).is_dir()
        assert "at the same time, by MPS" in how
        assert control.read_text() == f"-d {folder} none\n"
    assert control.read_text().splitlines()[1:] == [f" {folder} none", "quit"]
    assert PIPES not in os.environ
    assert LOGS not in os.environ
    assert not Path(folder).exists()


def test_service_ends_with_an_interrupted_search(control: Path) -> None:
    with pytest.raises(KeyboardInterrupt), multi_process_service(TWO):
        raise KeyboardInterrupt
    assert control.read_text().endswith("quit\n")
    assert PIPES not in os.environ


def test_service_that_refuses_leaves_turns(control: Path, tmp_path: Path) -> None:
    (tmp_path / "refuses").touch()
    with multi_process_service(TWO) as how:
        assert how.endswith("by turns: MPS does not start (exit code 1)")
        assert PIPES not in os.environ


def test_machine_without_the_command_leaves_turns(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with multi_process_service(TWO) as how:
        assert how.endswith("there is no nvidia-cuda-mps-control")


def test_running_service_is_used_and_left(control: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PIPES, "/run/mps")
    with multi_process_service(TWO) as how:
        assert "already runs" in how
    assert os.environ[PIPES] == "/run/mps"
    assert not control.exists()


def test_slots_of_their_own_start_nothing(control: Path) -> None:
    with multi_process_service([Slot("cuda", gpu=0)]) as how:
        assert how == ""
    assert not control.exists()


@pytest.mark.parametrize(("pid", "is_running"), [("mine", True), ("99999999", False), (None, False)])
def test_default_folder_counts_only_with_a_living_daemon(
    control: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid: str | None, is_running: bool
) -> None:
    folder = tmp_path / "default"
    folder.mkdir()
    if pid is not None:
        (folder / f"{CONTROL}.pid").write_text(str(os.getpid()) if pid == "mine" else pid)
    monkeypatch.setattr(mps, "_DEFAULT_PIPES", folder)
    with multi_process_service(TWO) as how:
        assert ("already runs" in how) == is_running
    assert control.exists() != is_running
