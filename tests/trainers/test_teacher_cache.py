"""Logits of the teacher that are computed once: equal to those of each step, and only where images repeat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import trainers.teacher_cache as module
from space.notation.parse import parse_notation
from tests.support.stripes import CPU, RECIPE, SPEC, stripes
from trainers.checkpoint import CheckpointFile
from trainers.data.device_data import DeviceData, ResidentData
from trainers.data.epoch_plan import plan_epoch
from trainers.data.splits import SearchData, Split
from trainers.data.streamed_data import StreamedData
from trainers.device.execution import StepMode
from trainers.recipe import Recipe
from trainers.teacher import Teacher, load_teacher
from trainers.teacher_cache import TeacherCache, is_cached, num_views
from trainers.teacher_checks import weights_digest
from trainers.training import Training

NUM_TRAIN = 75
"""Two batches of 32 and a rest, which no step of an epoch sees."""
PLAIN = RECIPE.replaced({"crop_padding": 0, "flip": False})
MIRRORED = PLAIN.replaced({"flip": True})


@pytest.fixture(scope="module")
def images() -> SearchData:
    return SearchData("stripes", ("rows", "columns"), stripes(NUM_TRAIN, 0), stripes(20, 1))


@pytest.fixture(scope="module")
def data(images: SearchData) -> ResidentData:
    return ResidentData(images, CPU)


@pytest.fixture(scope="module")
def weights(data: ResidentData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = parse_notation("MgNet[1,1]-6-B^l", in_channels=1, num_classes=2)
    training = Training(spec, data, PLAIN, seed=0)
    list(training.epochs())
    return training.save(tmp_path_factory.mktemp("teacher") / "teacher.safetensors")


def taught(weights: Path, recipe: Recipe) -> Recipe:
    return recipe.replaced({"teacher": weights_digest(weights.read_bytes())})


def teacher_of(weights: Path, data: DeviceData) -> Teacher:
    return load_teacher(weights, weights_digest(weights.read_bytes()), data)


def losses(
    weights: Path, data: DeviceData, recipe: Recipe, mode: StepMode | None = None
) -> tuple[list[float], int]:
    """Return the losses of all epochs of a training, and its passes through the teacher."""
    teacher, passes = teacher_of(weights, data), []
    teacher.network.register_forward_hook(lambda *_: passes.append(1))
    training = Training(SPEC, data, taught(weights, recipe), seed=3, mode=mode, teacher=teacher)
    return [report.train_loss for report in training.epochs()], len(passes)


@pytest.mark.parametrize("mode", [StepMode(), StepMode(micro_batch=10), StepMode(bfloat16=True)])
@pytest.mark.parametrize(("recipe", "passes_per_piece"), [(PLAIN, 3), (MIRRORED, 6)])
def test_training_with_cached_logits_has_the_losses_of_one_without(
    data: ResidentData,
    weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: Recipe,
    passes_per_piece: int,
    mode: StepMode,
) -> None:
    pieces = 1 if mode.micro_batch is None else 4
    cached, passes = losses(weights, data, recipe, mode)
    assert passes == passes_per_piece * pieces
    monkeypatch.setattr(module, "MOST_CACHED_BYTES", 0)
    plain, passes = losses(weights, data, recipe, mode)
    assert passes == 2 * recipe.epochs * pieces
    assert cached == pytest.approx(plain, rel=1e-5)


def test_cache_has_the_logits_of_each_image_as_planned(data: ResidentData, weights: Path) -> None:
    recipe, teacher = taught(weights, MIRRORED), teacher_of(weights, data)
    cache = TeacherCache(data, recipe, teacher.logits)
    for epoch in (1, 2):
        plan = plan_epoch(NUM_TRAIN, recipe, seed=0, epoch=epoch)
        batches = list(cache.taught(data.train_batches(plan, recipe), plan))
        assert len(batches) == 2
        for batch in batches:
            assert torch.allclose(batch.of_teacher, teacher.logits(batch.images), rtol=1e-5, atol=1e-6)


def test_images_that_are_streamed_give_the_same_cache(images: SearchData, weights: Path) -> None:
    found = [losses(weights, kind(images, CPU), MIRRORED)[0] for kind in (ResidentData, StreamedData)]
    assert found[0] == found[1]


@pytest.mark.parametrize("stop", [1, 3])
def test_resumed_training_with_cached_logits_has_the_same_bits(
    data: ResidentData, weights: Path, tmp_path: Path, stop: int
) -> None:
    recipe = taught(weights, MIRRORED)
    whole = Training(SPEC, data, recipe, seed=5, teacher=teacher_of(weights, data))
    list(whole.epochs())
    file = CheckpointFile(tmp_path / "c", "id")
    first = Training(SPEC, data, recipe, 5, checkpoint=file, teacher=teacher_of(weights, data))
    list(first.epochs(until=stop))
    resumed = Training(SPEC, data, recipe, 5, checkpoint=file, teacher=teacher_of(weights, data))
    list(resumed.epochs())
    assert [one.train_loss for one in resumed.reports] == [one.train_loss for one in whole.reports]
    assert resumed.save(tmp_path / "a").read_bytes() == whole.save(tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"crop_padding": 1},
        {"cutout": 2},
        {"trivial_augment": 0.5},
        {"random_erasing": 0.1},
        {"mixup": 0.2},
        {"epochs": 2},
        {"teacher": None},
    ],
)
def test_logits_are_not_cached_where_images_change_or_few_epochs_repeat_them(
    data: ResidentData, weights: Path, change: dict[str, object]
) -> None:
    assert is_cached(taught(weights, MIRRORED), data)
    assert not is_cached(taught(weights, MIRRORED).replaced(change), data)


def test_cache_above_the_bound_is_not_made(monkeypatch: pytest.MonkeyPatch, weights: Path) -> None:
    pixels = np.zeros((5, 4, 4, 1), np.uint8)
    split = Split(pixels, np.arange(5))
    data = ResidentData(SearchData("zeros", tuple("abcde"), split, split), CPU)
    recipe = taught(weights, PLAIN)
    monkeypatch.setattr(module, "MOST_CACHED_BYTES", 4 * 5 * 5)
    assert is_cached(recipe, data)
    assert not is_cached(recipe.replaced({"flip": True}), data)
    monkeypatch.setattr(module, "MOST_CACHED_BYTES", 4 * 5 * 5 - 1)
    assert not is_cached(recipe, data)


def test_views_of_an_image_are_counted() -> None:
    assert (num_views(PLAIN), num_views(MIRRORED), num_views(RECIPE)) == (1, 2, None)
