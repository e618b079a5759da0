"""Calibration: measured once, kept, shared, and overruled by what the user fixes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from space import parse_notation
from tests.trainers.stripes import CPU, RECIPE, SPEC
from trainers import calibration as module
from trainers.calibration import Calibration, Probe
from trainers.device_data import ResidentData
from trainers.execution import ExecutionConfig, StepMode
from trainers.recipe import Recipe
from trainers.training import Training

AUTO = ExecutionConfig()
SIZE = (6, 7)


@pytest.fixture(autouse=True)
def no_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[StepMode]:
    """The modes that were tried out; bfloat16 is made out to be twice as fast, all else the same."""
    tried: list[StepMode] = []

    def step_time(probe: Probe, mode: StepMode, device: torch.device) -> float:
        tried.append(mode)
        return 0.5 if mode.bfloat16 else 1.0

    monkeypatch.setattr(module, "step_time", step_time)
    return tried


def test_the_fastest_is_found_once_and_kept(tmp_path: Path, measured: list[StepMode]) -> None:
    mode = Calibration(CPU, tmp_path).mode(SPEC, Recipe(), AUTO, SIZE)
    assert (mode.bfloat16, mode.channels_last, mode.cuda_graph) == (True, True, False)
    tried = len(measured)
    assert tried > 1
    assert Calibration(CPU, tmp_path).mode(SPEC, Recipe(), AUTO, SIZE) == mode
    assert len(measured) == tried
    large = parse_notation("MgNet[2,2]-64-B^l", in_channels=1, num_classes=2)
    Calibration(CPU, tmp_path).mode(large, Recipe(), AUTO, (32, 32))
    assert len(measured) > tried, "networks of another size are tried out for themselves"


def test_trying_out_is_told_of_once_and_what_is_known_is_not(
    tmp_path: Path, measured: list[StepMode]
) -> None:
    told: list[int] = []
    calibration = Calibration(CPU, tmp_path, tell=lambda: told.append(len(measured)))
    calibration.mode(SPEC, Recipe(), AUTO, SIZE)
    assert len(measured) > 1
    assert told == [0]
    Calibration(CPU, tmp_path, tell=lambda: told.append(1)).mode(SPEC, Recipe(), AUTO, SIZE)
    assert told == [0]


def test_what_is_fixed_is_not_tried_out(tmp_path: Path, measured: list[StepMode]) -> None:
    fixed = ExecutionConfig(channels_last=False, threads=1, micro_batch=3)
    mode = Calibration(CPU, tmp_path).mode(SPEC, Recipe(precision="float32"), fixed, SIZE)
    assert asdict(mode) == asdict(StepMode(channels_last=False, micro_batch=3, threads=1))
    assert not measured
    assert not list(tmp_path.iterdir())


def test_small_gains_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "step_time", lambda _probe, mode, _device: 0.95 if mode.bfloat16 else 1.0)
    assert not Calibration(CPU, tmp_path).mode(SPEC, Recipe(), AUTO, SIZE).bfloat16


def test_another_folder_of_this_user_trains_alike(
    tmp_path: Path, measured: list[StepMode], monkeypatch: pytest.MonkeyPatch
) -> None:
    mode = Calibration(CPU, tmp_path / "a").mode(SPEC, Recipe(), AUTO, SIZE)
    tried = len(measured)
    assert Calibration(CPU, tmp_path / "b").mode(SPEC, Recipe(), AUTO, SIZE) == mode
    assert len(measured) == tried
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/nowhere")  # cannot be written: it does without
    assert Calibration(CPU, tmp_path / "c").mode(SPEC, Recipe(), AUTO, SIZE) == mode
    assert len(measured) > tried


def test_a_damaged_file_is_measured_anew(tmp_path: Path, measured: list[StepMode]) -> None:
    found = Calibration(CPU, tmp_path)
    mode = found.mode(SPEC, Recipe(), AUTO, SIZE)
    found.path.write_text("{")
    assert found.mode(SPEC, Recipe(), AUTO, SIZE) == mode
    assert json.loads(found.path.read_text())


@pytest.mark.parametrize("num_folders", [1, 8])
def test_several_at_once_measure_each_thing_once(
    tmp_path: Path, measured: list[StepMode], num_folders: int
) -> None:
    """Workers of one study, and several studies."""

    def mode(index: int) -> StepMode:
        return Calibration(CPU, tmp_path / str(index % num_folders)).mode(SPEC, Recipe(), AUTO, SIZE)

    with ThreadPoolExecutor(8) as pool:
        modes = list(pool.map(mode, range(8)))
    assert len(set(modes)) == 1
    assert len(measured) == len(set(measured))


def test_what_is_measured_for_real_is_a_time_and_a_rate(tmp_path: Path) -> None:
    probe = Probe("tiny", 1e6, "MgNet[1]-2-B^l", 4, 2)
    assert 0 < module.step_time(probe, StepMode(threads=1), CPU) < 10
    assert 1e8 < Calibration(CPU, tmp_path).ceiling(bfloat16=False) < 1e16


@pytest.mark.parametrize(
    "mode",
    [StepMode(bfloat16=True), StepMode(channels_last=False), StepMode(threads=1)],
    ids=["bfloat16", "channels first", "one thread"],
)
def test_every_mode_trains_to_nearly_the_same(data: ResidentData, mode: StepMode) -> None:
    plain = list(Training(SPEC, data, RECIPE, seed=1).epochs())
    other = list(Training(SPEC, data, RECIPE, seed=1, mode=mode).epochs())
    assert abs(plain[0].train_loss - other[0].train_loss) < 0.05
    assert other[-1].val_accuracy > 0.8


def test_processors_of_a_shared_home_are_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names = set()
    for flags in ("avx2", "avx2 amx_bf16"):
        text = f"processor : 0\nflags : {flags}\ncpu MHz : {len(names)}\n\nprocessor : 1\n"
        monkeypatch.setattr(Path, "read_text", lambda _self, text=text, **_: text)
        names |= {Calibration(CPU, tmp_path).path.name for _ in range(2)}
        monkeypatch.undo()
    assert len(names) == 2
