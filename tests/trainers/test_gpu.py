"""Tests that need a GPU; deselected without one."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.support.stripes import RECIPE, SPEC, striped_data
from trainers.checkpoint import CheckpointFile
from trainers.data.device_data import ResidentData
from trainers.data.epoch_plan import plan_epoch
from trainers.data.streamed_data import StreamedData
from trainers.device.calibration import Calibration
from trainers.device.execution import ExecutionConfig, StepMode
from trainers.optim.muon import Muon
from trainers.optim.optimizer import WeightGroup
from trainers.teacher import load_teacher
from trainers.teacher_checks import weights_digest
from trainers.training import Training

pytestmark = pytest.mark.gpu
GRAPH = StepMode(cuda_graph=True)


@pytest.fixture(scope="module")
def cuda_data() -> ResidentData:
    return ResidentData(striped_data().search_data, torch.device("cuda"))


def curve(data: ResidentData | StreamedData, mode: StepMode, **changes: object) -> list[float]:
    return [r.train_loss for r in Training(SPEC, data, RECIPE.replaced(changes), seed=1, mode=mode).epochs()]


def test_a_graph_trains_to_the_same_as_single_launches(cuda_data: ResidentData) -> None:
    assert curve(cuda_data, GRAPH) == pytest.approx(curve(cuda_data, StepMode()), abs=1e-3)


def test_a_gpu_trains_to_the_same_as_a_cpu(cuda_data: ResidentData, data: ResidentData) -> None:
    assert curve(cuda_data, GRAPH)[0] == pytest.approx(curve(data, StepMode())[0], abs=1e-2)


@pytest.mark.parametrize("micro_batch", [None, 8])
@pytest.mark.parametrize("bfloat16", [False, True])
def test_graphs_of_every_mode_learn(cuda_data: ResidentData, bfloat16: bool, micro_batch: int | None) -> None:
    mode = replace(GRAPH, bfloat16=bfloat16, micro_batch=micro_batch)
    training = Training(
        SPEC,
        cuda_data,
        RECIPE.replaced({"mixup": 0.1, "cutout": 2}),
        seed=1,
        mode=mode,
    )
    assert list(training.epochs())[-1].val_accuracy > 0.8


def test_a_gpu_augments_as_a_cpu(cuda_data: ResidentData, data: ResidentData) -> None:
    """Rotations and shears may round places between two pixels otherwise."""
    recipe = RECIPE.replaced({"mixup": 0.1, "trivial_augment": 1.0, "random_erasing": 0.5})
    plan = plan_epoch(len(data.train_labels), recipe, seed=1, epoch=1)
    for ours, theirs in zip(
        cuda_data.train_batches(plan, recipe), data.train_batches(plan, recipe), strict=True
    ):
        assert torch.equal(ours.targets.cpu(), theirs.targets)
        is_close = torch.isclose(ours.images.cpu(), theirs.images, atol=0.02)
        assert is_close.float().mean() > 0.99


@pytest.mark.parametrize("augmentation", [{"mixup": 0.1}, {"crop_padding": 0}])
@pytest.mark.parametrize("bfloat16", [False, True])
def test_graphs_with_a_teacher_learn(
    cuda_data: ResidentData, tmp_path: Path, bfloat16: bool, augmentation: dict[str, float]
) -> None:
    """Without random crops, the logits of the teacher are cached."""
    teaching = Training(SPEC, cuda_data, RECIPE, seed=2)
    list(teaching.epochs())
    path = teaching.save(tmp_path / "teacher.safetensors")
    recipe = RECIPE.replaced({"teacher": weights_digest(path.read_bytes()), **augmentation})
    assert recipe.teacher is not None
    teacher = load_teacher(path, recipe.teacher, cuda_data)
    mode = replace(GRAPH, bfloat16=bfloat16)
    training = Training(SPEC, cuda_data, recipe, seed=1, mode=mode, teacher=teacher)
    assert list(training.epochs())[-1].val_accuracy > 0.8


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch.compile imports it itself
@pytest.mark.filterwarnings("ignore:TensorFloat32:UserWarning")  # its advice, for float32
@pytest.mark.parametrize("mode", [replace(GRAPH, compile=True), replace(GRAPH, cudnn_benchmark=True)])
def test_other_kernels_train_to_nearly_the_same(cuda_data: ResidentData, mode: StepMode) -> None:
    assert curve(cuda_data, mode) == pytest.approx(curve(cuda_data, GRAPH), abs=2e-2)


def test_muon_moves_weights_of_any_shape_as_on_a_cpu() -> None:
    """Which computes in float32: three figures."""
    generator = torch.Generator().manual_seed(0)
    sizes = ((8, 4, 3, 3), (4, 8, 3, 3), (32, 8, 1, 1), (80, 4, 3, 3), (8, 200, 3, 3))
    start = [torch.randn(size, generator=generator) for size in sizes]
    weights = [[nn.Parameter(weight.clone().to(device)) for weight in start] for device in ("cpu", "cuda")]
    for ours in weights:
        optimizer = Muon([WeightGroup(ours, 0.02, 0.1)], momentum=0.95)
        for step in range(5):
            for weight, before in zip(ours, start, strict=True):
                weight.grad = (before.roll(step, 0) * before).to(weight.device)
            optimizer.step()
    for on_cpu, on_gpu, before in zip(*weights, start, strict=True):
        assert (on_gpu.cpu() - on_cpu).norm() < 0.02 * (on_cpu - before).norm()


def test_an_epoch_does_not_wait_for_the_device(cuda_data: ResidentData) -> None:
    training = Training(SPEC, cuda_data, RECIPE, seed=1, mode=GRAPH)
    next(training.epochs())
    try:
        with pytest.warns(UserWarning, match="prototype"):
            torch.cuda.set_sync_debug_mode("error")
        with pytest.raises(RuntimeError, match="synchroniz"):
            torch.ones(1, device="cuda").item()  # the mode works
        training._train_steps(2)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_it_goes_on_from_a_checkpoint(cuda_data: ResidentData, tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "c", "id")
    list(Training(SPEC, cuda_data, RECIPE, seed=1, mode=GRAPH, checkpoint=file).epochs(until=2))
    resumed = Training(SPEC, cuda_data, RECIPE, seed=1, mode=GRAPH, checkpoint=file)
    assert [r.epoch for r in resumed.epochs()] == [3, 4]
    assert [r.train_loss for r in resumed.reports] == pytest.approx(curve(cuda_data, GRAPH), abs=1e-2)


def test_what_is_let_go_of_leaves_no_memory(cuda_data: ResidentData) -> None:
    curve(cuda_data, GRAPH)  # libraries take what they keep
    gc.collect()
    before = torch.cuda.memory_allocated()
    gc.disable()
    try:
        curve(cuda_data, GRAPH)
        assert torch.cuda.memory_allocated() == before
    finally:
        gc.enable()


def test_streamed_images_train_to_the_same(cuda_data: ResidentData) -> None:
    streamed = StreamedData(cuda_data.search_data, torch.device("cuda"), num_readers=1)
    assert curve(streamed, GRAPH) == pytest.approx(curve(cuda_data, GRAPH), abs=1e-3)


@pytest.mark.parametrize("mode", [StepMode(), GRAPH])
def test_memory_that_runs_out_halves_the_batch(cuda_data: ResidentData, mode: StepMode) -> None:
    # iterations share their weights: nearly all of the memory is for what grows with the batch
    wide = SPEC.model_validate(SPEC.to_dict() | {"levels": [{"nu": 16, "c_u": 1024, "c_f": 1024}]})
    recipe = RECIPE.replaced({"batch_size": 200, "epochs": 1})
    plenty = Training(wide, cuda_data, recipe, seed=1, mode=mode)
    list(plenty.epochs())
    needed = plenty.measurements().peak_memory_mib * 2**20
    del plenty
    torch.cuda.empty_cache()
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction(0.5 * needed / total)
    try:
        training = Training(wide, cuda_data, recipe, seed=1, mode=mode)
        list(training.epochs())
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert training.mode.micro_batch is not None
    assert training.mode.micro_batch < 200


def test_measurements_are_of_the_gpu(cuda_data: ResidentData, tmp_path: Path) -> None:
    calibration = Calibration(torch.device("cuda"), tmp_path)
    mode = calibration.mode(SPEC, RECIPE, ExecutionConfig(), (6, 7))
    assert mode.cuda_graph
    training = Training(SPEC, cuda_data, RECIPE, seed=1, mode=mode)
    list(training.epochs())
    measured = training.measurements(calibration.peak_throughput(bfloat16=True))
    assert 0 < measured.peak_memory_mib < 4096
    assert measured.peak_fraction is not None
    assert 0 < measured.peak_fraction < 1
