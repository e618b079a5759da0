"""Real memory shortage, from a memory limit on the process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from space.notation.parse import parse_notation
from tests.support.stripes import RECIPE, SPEC
from tests.support.waiting import MOST_S
from trainers.checkpoint import CheckpointFile
from trainers.data.device_data import ResidentData
from trainers.device.execution import StepMode
from trainers.device.memory import ACTIVATION_SHARE, fitting_micro_batch, no_room
from trainers.device.memory_size import available_memory
from trainers.health import TrainingFailedError
from trainers.training import Training

LIMITED = """
import resource, sys, torch
import numpy as np
from space.notation.parse import parse_notation
from trainers.data.device_data import ResidentData
from trainers.data.splits import SearchData
from trainers.recipe import Recipe
from trainers.data.splits import Split
from trainers.health import TrainingFailedError
from trainers.training import Training

torch.set_num_threads(1)
size, room_mib = int(sys.argv[1]), int(sys.argv[2])
spec = parse_notation("MgNet[2]-32-B^l", in_channels=1, num_classes=2)
x = np.random.default_rng(0).integers(0, 255, (8, size, size, 1), dtype=np.uint8)
split = Split(x, np.arange(8) % 2)
data = ResidentData(SearchData("x", ("a", "b"), split, split), torch.device("cpu"))
next(Training(spec, data, Recipe(batch_size=2), seed=0).epochs()) if size < 200 else None
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + room_mib * 2**20,) * 2)
training = Training(spec, data, Recipe(epochs=2, batch_size=8), seed=0)
try:
    print([r.epoch for r in training.epochs()], training.mode.micro_batch)
except TrainingFailedError as error:
    print(str(error)[:40])
"""


def run_limited(size: int, room_mib: int) -> str:
    command = [sys.executable, "-c", LIMITED, str(size), str(room_mib)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=MOST_S, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.slow
def test_the_batch_is_halved_until_it_fits() -> None:
    """A training step takes about 24 MiB an image at 192 x 192 pixels; there is room for 2 to 4 of 8."""
    reports, _, micro_batch = run_limited(192, 250).rpartition(" ")
    assert reports == "[1, 2]"
    assert micro_batch in ("1", "2", "4")


@pytest.mark.slow
def test_a_network_that_takes_too_much_for_one_image_is_refused() -> None:
    assert run_limited(1024, 300).startswith("out of memory: a single image does not f")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you "
            "tried to allocate 8589934592 bytes. Error code 12 (Cannot allocate memory)",
            "out of memory: the network does not fit (8,192 MiB more were asked for)",
        ),
        (
            "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.10 GiB",
            "out of memory: the network does not fit (2.50 GiB more were asked for)",
        ),
        ("std::bad_alloc", "out of memory: the network does not fit"),
    ],
)
def test_of_torchs_text_the_size_is_kept(text: str, says: str) -> None:
    error = no_room("the network", text)
    assert str(error) == says
    assert "smaller network" in error.advice


def test_networks_beyond_the_memory_begin_with_a_part_of_the_batch(
    data: ResidentData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the system would kill the process instead of refusing memory."""
    an_image = SPEC.counts((6, 7)).activation_bytes
    for images, expected in ((28, 16), (3.5, 2), (0.01, 1), (70, None)):
        room = int(images * an_image / ACTIVATION_SHARE)
        monkeypatch.setattr("trainers.device.memory.available_memory", lambda room=room: room)
        assert Training(SPEC, data, RECIPE, seed=1).mode.micro_batch == expected
    fixed = Training(SPEC, data, RECIPE, seed=1, mode=StepMode(micro_batch=8))
    assert fixed.mode.micro_batch == 8


def test_training_on_a_shared_gpu_begins_with_what_fits_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 1000 images' room, a quarter is this training's; other tensors of the process take a part of it."""
    an_image = SPEC.counts((6, 7)).activation_bytes
    total, gpu = int(1000 * an_image / ACTIVATION_SHARE), torch.device("cuda")
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda _device: (0, total))
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda _device: 0)
    assert fitting_micro_batch(SPEC, (6, 7), 512, gpu, share=0.25) == 128
    assert fitting_micro_batch(SPEC, (6, 7), 128, gpu, share=0.25) is None
    assert fitting_micro_batch(SPEC, (6, 7), 4096, gpu, share=1.0) is None
    monkeypatch.setattr("torch.cuda.memory_allocated", lambda _device: total // 5)
    assert fitting_micro_batch(SPEC, (6, 7), 512, gpu, share=0.25) == 32


def test_pieces_are_of_nearly_one_size(data: ResidentData) -> None:
    """A last piece of one image would distort batch norms, or have nothing to normalise."""
    spec = parse_notation("MgNet[1,1,1,1]-4-B^l", in_channels=1, num_classes=2)  # 6 x 7 pixels become one
    recipe = RECIPE.replaced({"batch_size": 33, "epochs": 1})
    mode = StepMode(micro_batch=16)
    assert len(list(Training(spec, data, recipe, seed=1, mode=mode).epochs())) == 1
    with pytest.raises(TrainingFailedError, match="too few values: the last grid has one pixel"):
        list(Training(spec, data, recipe, seed=1, mode=StepMode(micro_batch=1)).epochs())


def test_what_memory_allowed_at_first_is_kept(
    data: ResidentData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = CheckpointFile(tmp_path / "c", "id")
    monkeypatch.setattr("trainers.device.memory.available_memory", lambda: 1)
    Training(SPEC, data, RECIPE, seed=1, checkpoint=file)
    monkeypatch.undo()
    assert Training(SPEC, data, RECIPE, seed=1, checkpoint=file).mode.micro_batch == 1


@pytest.mark.parametrize(
    ("at_once", "micro_batch_halvings", "expected"),
    [(None, 1, 16), (None, 2, 8), (8, 1, 4), (8, 2, 2), (5, 1, 3), (2, 1, 1)],
)
def test_what_is_trained_on_at_once_is_halved(
    data: ResidentData, at_once: int | None, micro_batch_halvings: int, expected: int
) -> None:
    mode = StepMode(micro_batch=at_once, micro_batch_halvings=micro_batch_halvings)
    assert Training(SPEC, data, RECIPE, seed=1, mode=mode).mode.micro_batch == expected
    with pytest.raises(TrainingFailedError, match="a single image"):
        Training(SPEC, data, RECIPE, seed=1, mode=replace(mode, micro_batch_halvings=9))


def test_halvings_before_a_checkpoint_are_not_made_again(data: ResidentData, tmp_path: Path) -> None:
    file = CheckpointFile(tmp_path / "c", "id")

    def begun(micro_batch_halvings: int) -> int | None:
        mode = StepMode(micro_batch_halvings=micro_batch_halvings)
        return Training(SPEC, data, RECIPE, seed=1, mode=mode, checkpoint=file).mode.micro_batch

    assert [begun(micro_batch_halvings) for micro_batch_halvings in (1, 1, 2, 0)] == [16, 16, 8, 16]


def test_free_memory_is_that_of_this_machine() -> None:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 2**20 < available_memory() < total


@pytest.mark.parametrize("micro_batch", [1, 5, 16, 99])
def test_gradients_are_added_up_to_those_of_the_whole_batch(data: ResidentData, micro_batch: int) -> None:
    """Equal but for the batch norms, which see fewer images at once; with all of them, to the bit."""
    whole = next(Training(SPEC, data, RECIPE, seed=1).epochs())
    pieces = next(Training(SPEC, data, RECIPE, seed=1, mode=StepMode(micro_batch=micro_batch)).epochs())
    if micro_batch >= RECIPE.batch_size:
        assert pieces.train_loss == whole.train_loss
    else:
        assert pieces.train_loss != whole.train_loss
        assert abs(pieces.train_loss - whole.train_loss) < 0.4
