"""Calibration: measured once, stored, shared, and overridden by the user's settings."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

from space.notation.parse import parse_notation
from tests.support.stripes import CPU, RECIPE, SPEC
from trainers.data.device_data import ResidentData
from trainers.device.calibration import Calibration
from trainers.device.calibration_probes import CUDA_PROBES, PROBES, Probe, step_time
from trainers.device.calibration_records import Record, read_records, write_records
from trainers.device.calibration_rounds import MOST_ROUNDS
from trainers.device.cpu_load import LoadMeter
from trainers.device.execution import ExecutionConfig, StepMode
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

    monkeypatch.setattr("trainers.device.calibration.step_time", step_time)
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
    monkeypatch.setattr(
        "trainers.device.calibration.step_time", lambda _probe, mode, _device: 0.95 if mode.bfloat16 else 1.0
    )
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
    whole = found.path.read_text()
    for damaged in (
        "{",
        whole.replace("Z", ""),
        whole.replace("0.5", "0.0"),
        whole.replace("0.5", "NaN"),
        "[]",
    ):
        found.path.write_text(damaged)
        assert found.mode(SPEC, Recipe(), AUTO, SIZE) == mode
        assert found.path.read_text() == whole


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
    assert all(measured.count(mode) == 2 for mode in measured), "two rounds agree at once"


def test_what_is_measured_for_real_is_a_time_and_a_rate(tmp_path: Path) -> None:
    probe = Probe("tiny", 1e6, "MgNet[1]-2-B^l", 4, 2)
    assert 0 < step_time(probe, StepMode(threads=1), CPU) < 10
    assert 1e8 < Calibration(CPU, tmp_path).peak_throughput(bfloat16=False) < 1e16


# -- load and doubts ---------------------------------------------------------------------------------


def records_of(calibration: Calibration) -> dict[str, Record]:
    return read_records(calibration.users_path)


def make_older(calibration: Calibration, **changes: object) -> None:
    """Let the cache's records be two hours old, and change them."""
    update = {"date": datetime.now(UTC) - timedelta(hours=2), "others": 0.0, **changes}
    older = {key: record.model_copy(update=update) for key, record in records_of(calibration).items()}
    write_records(calibration.users_path, older)


def test_rounds_are_repeated_until_they_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the first round another program slows the plain way down, so that bfloat16 seems to be faster."""
    tried: list[bool] = []

    def step_time(_probe: Probe, mode: StepMode, _device: torch.device) -> float:
        tried.append(mode.bfloat16)
        return 3.0 if not mode.bfloat16 and tried.count(False) == 1 else 1.0

    monkeypatch.setattr("trainers.device.calibration.step_time", step_time)
    calibration = Calibration(CPU, tmp_path)
    fixed = ExecutionConfig(channels_last=True)
    assert not calibration.mode(SPEC, Recipe(), fixed, SIZE).bfloat16
    (record,) = records_of(calibration).values()
    assert (record.rounds, record.agreed, record.choice["bfloat16"]) == (3, True, False)


def test_rounds_that_never_agree_end_in_doubt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([2.0**-number for number in range(1000)])
    monkeypatch.setattr("trainers.device.calibration.step_time", lambda *_: next(times))
    calibration = Calibration(CPU, tmp_path)
    calibration.mode(SPEC, Recipe(), AUTO, SIZE)
    (record,) = records_of(calibration).values()
    assert not record.agreed
    assert record.rounds == MOST_ROUNDS
    assert f"{MOST_ROUNDS} rounds disagreed" in record.doubts()


@pytest.mark.parametrize("doubt", [{"others": 0.5}, {"agreed": False}, {"drift": 4.0}])
def test_a_new_study_repeats_a_doubtful_measurement_and_an_old_one_keeps_it(
    tmp_path: Path, measured: list[StepMode], doubt: dict[str, object]
) -> None:
    old = Calibration(CPU, tmp_path / "old")
    mode = old.mode(SPEC, Recipe(), AUTO, SIZE)
    kept, tried = old.path.read_bytes(), len(measured)
    make_older(old, **doubt)
    assert old.mode(SPEC, Recipe(), AUTO, SIZE) == mode
    assert (old.path.read_bytes(), len(measured)) == (kept, tried)
    Calibration(CPU, tmp_path / "new").mode(SPEC, Recipe(), AUTO, SIZE)
    assert len(measured) == 2 * tried
    write_records(old.users_path, {key: r.model_copy(update=doubt) for key, r in records_of(old).items()})
    Calibration(CPU, tmp_path / "newer").mode(SPEC, Recipe(), AUTO, SIZE)
    assert len(measured) == 2 * tried, "at most once in an hour"


def test_what_is_not_doubtful_is_never_measured_again(tmp_path: Path, measured: list[StepMode]) -> None:
    old = Calibration(CPU, tmp_path / "old")
    old.mode(SPEC, Recipe(), AUTO, SIZE)
    tried = len(measured)
    make_older(old, others=0.1)
    Calibration(CPU, tmp_path / "new").mode(SPEC, Recipe(), AUTO, SIZE)
    assert len(measured) == tried


@pytest.mark.parametrize(("factor", "is_doubtful"), [(3.0, True), (0.5, True), (2.0, False), (0.8, False)])
def test_steps_far_from_the_measured_time_cast_doubt_and_change_no_study(
    tmp_path: Path, measured: list[StepMode], factor: float, is_doubtful: bool
) -> None:
    first = Calibration(CPU, tmp_path / "old")
    mode = first.mode(SPEC, Recipe(), AUTO, SIZE)
    times = {key: {way: s / factor for way, s in r.times_s.items()} for key, r in records_of(first).items()}
    for key, of_record in times.items():
        make_older(first, times_s=of_record)
        write_records(first.path, {key: records_of(first)[key]})
    kept, tried = first.path.read_bytes(), len(measured)
    first.check(SPEC, Recipe(), AUTO, SIZE)
    assert len(measured) == tried, "what this process has measured needs no check"
    resumed = Calibration(CPU, tmp_path / "old")
    told = [resumed.check(SPEC, Recipe(), AUTO, SIZE) for _ in range(3)]
    assert len(measured) == tried + 1, "at most once in an hour"
    doubts = [doubt for record in records_of(resumed).values() for doubt in record.doubts()]
    speed = f"training was {max(factor, 1 / factor):.1f} times {'slower' if factor > 1 else 'faster'}"
    assert doubts == ([f"later, {speed}"] if is_doubtful else [])
    assert [speed in line for line in told if line is not None] == [True] * is_doubtful
    assert resumed.path.read_bytes() == kept
    assert resumed.mode(SPEC, Recipe(), AUTO, SIZE) == mode
    new = Calibration(CPU, tmp_path / "new")
    new.mode(SPEC, Recipe(), AUTO, SIZE)
    assert (len(measured) > tried + 1) == is_doubtful
    assert all(record.drift is None for record in records_of(new).values())


def test_others_load_is_measured() -> None:
    """Against the CPU time of processes that do nothing but compute."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    meter, began = LoadMeter(), time.perf_counter()
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        time.sleep(1.0)
        for process in spinning:
            process.send_signal(signal.SIGSTOP)  # it uses nothing more until the end of the test
        others = meter.others()
        wall_s = time.perf_counter() - began
    finally:
        for process in spinning:
            process.kill()
            process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = (after.ru_utime - before.ru_utime) / (wall_s * meter.cores)
    assert used > 0
    if others is not None:  # Linux
        assert others > 0.7 * used - 0.05


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


def test_epochs_are_foretold_from_operations_macs_and_evaluation(
    tmp_path: Path, measured: list[StepMode]
) -> None:
    calibration, probe = Calibration(CPU, tmp_path), parse_notation("MgNet[2,2]-8-B^l")
    recipe = Recipe(batch_size=64)
    assert calibration.foretold_epoch_s(probe, recipe, AUTO, (8, 8), 640) is None
    calibration.mode(probe, recipe, AUTO, (8, 8))
    of_probe = calibration.foretold_epoch_s(probe, recipe, AUTO, (8, 8), 640)
    assert of_probe == pytest.approx(10 * 0.5)  # ten steps of the fastest mode
    assert calibration.foretold_epoch_s(probe, recipe, AUTO, (8, 8), 640, 320) == pytest.approx(11 * 0.5)
    narrow = calibration.foretold_epoch_s(parse_notation("MgNet[2,2]-2-B^l"), recipe, AUTO, (8, 8), 640)
    shallow = calibration.foretold_epoch_s(parse_notation("MgNet[1,1]-8-B^l"), recipe, AUTO, (8, 8), 640)
    assert narrow is not None
    assert shallow is not None
    assert 0.7 * of_probe < narrow < 0.75 * of_probe  # fewer MACs hardly shorten a small step
    assert shallow < narrow


@pytest.mark.parametrize(
    "probe", [*PROBES, *CUDA_PROBES], ids=lambda probe: f"{probe.name}-{probe.image_size}"
)
def test_probe_takes_one_step_of_its_own(probe: Probe) -> None:
    size = (probe.image_size, probe.image_size)
    spec = parse_notation(probe.notation)
    assert probe.relative_step_s(spec, size, probe.batch_size) == pytest.approx(1)
    assert probe.relative_step_s(spec, size, 2 * probe.batch_size) == pytest.approx(2 - probe.overhead)


def test_narrow_networks_of_large_images_are_foretold_from_their_activations() -> None:
    medium = PROBES[1]  # measured: 4.1 to 5 of its steps, though the MACs are about equal
    spec = parse_notation("MgNet[3,2,3]-[4,8,8]-A^{l,i}-B^l")
    assert 2.5 < medium.relative_step_s(spec, (32, 32), 128) < 5


def test_foretold_epochs_include_the_load_of_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, measured: list[StepMode]
) -> None:
    calibration, probe = Calibration(CPU, tmp_path), parse_notation("MgNet[2,2]-8-B^l")
    recipe = Recipe(batch_size=64)
    calibration.mode(probe, recipe, AUTO, (8, 8))
    kept = calibration.path.read_bytes()
    times = iter((1.25, 9.0))
    monkeypatch.setattr("trainers.device.calibration.step_time", lambda *_: next(times))
    for _ in range(2):  # the load is measured once
        assert calibration.foretold_epoch_s(probe, recipe, AUTO, (8, 8), 640) == pytest.approx(10 * 1.25)
    assert calibration.path.read_bytes() == kept
