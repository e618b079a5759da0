"""Training: it learns, it repeats itself to the bit, and what goes wrong has a name."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from space import parse_notation
from space.modules import Classifier
from trainers.augment import random_crop, random_flip
from trainers.data import SearchData, Split
from trainers.device_data import DeviceData
from trainers.recipe import Recipe
from trainers.schedule import one_cycle
from trainers.training import Training, TrainingFailedError

CPU = torch.device("cpu")


def stripes(count: int, seed: int) -> Split:
    """Images of 6 x 7 pixels: horizontal stripes or vertical ones, in noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = rng.integers(0, 100, (count, 6, 7, 1))
    x[y == 0, ::2] += 100
    x[y == 1, :, ::2] += 100
    return Split(x.astype(np.uint8), y.astype(np.int64))


@pytest.fixture(scope="module")
def data() -> DeviceData:
    return DeviceData(SearchData("stripes", ("rows", "columns"), stripes(200, 0), stripes(60, 1)), CPU)


SPEC = parse_notation("MgNet[1,1]-4-B^l", in_channels=1, num_classes=2)
RECIPE = Recipe(epochs=4, batch_size=32, crop_padding=1, flip=True)


def test_it_learns_and_its_weights_hold_what_was_measured(data: DeviceData, tmp_path: Path) -> None:
    training = Training(SPEC, data, RECIPE, seed=1)
    reports = list(training.epochs())
    assert [report.epoch for report in reports] == [1, 2, 3, 4]
    assert reports[-1].val_accuracy > 0.9
    classifier = Classifier.load(training.save(tmp_path / "w.safetensors"))
    predicted = classifier.predict(data.val.images)
    truth = [("rows", "columns")[label] for label in data.val.labels.tolist()]
    accuracy = sum(a == b for a, b in zip(predicted, truth, strict=True)) / len(truth)
    assert accuracy == reports[-1].val_accuracy == classifier.trained.val_accuracy


def test_same_seed_same_curve_to_the_bit(data: DeviceData) -> None:
    def curve(seed: int) -> list[tuple[float, float]]:
        return [(r.train_loss, r.val_loss) for r in Training(SPEC, data, RECIPE, seed).epochs()]

    torch.manual_seed(5)  # the global generator has no part in it
    first = curve(1)
    torch.manual_seed(6)
    assert curve(1) == first
    assert curve(2) != first


def test_a_training_leaves_the_global_generator_alone(data: DeviceData) -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    next(Training(SPEC, data, RECIPE, seed=1).epochs())
    assert torch.rand(1) == expected


def test_divergence_has_a_name(data: DeviceData) -> None:
    wild = RECIPE.model_copy(update={"lr": 1e30})
    with pytest.raises(TrainingFailedError, match=r"diverged: the training loss is \w+ in epoch"):
        list(Training(SPEC, data, wild, seed=1).epochs())


@pytest.mark.parametrize("seed", range(3))
def test_divergence_after_the_last_batch_has_a_name(data: DeviceData, seed: int) -> None:
    """The only batch of an epoch has its loss before the step that breaks the network."""
    wild = Recipe(epochs=2, batch_size=1000, lr=1e6)
    with pytest.raises(TrainingFailedError, match=r"diverged: the validation loss is \w+ in epoch \d"):
        list(Training(SPEC, data, wild, seed).epochs())


@pytest.mark.parametrize("key", ["lr", "momentum", "weight_decay", "warmup", "label_smoothing"])
@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_recipes_are_finite(key: str, value: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        Recipe.model_validate({key: value})


def test_batches_cover_the_set_in_another_order_every_epoch(data: DeviceData) -> None:
    recipe = Recipe(batch_size=32)
    generator = torch.Generator().manual_seed(0)
    epochs = [list(data.train_batches(recipe, generator)) for _ in range(2)]
    assert [len(epoch) for epoch in epochs] == [data.num_batches(recipe)] * 2 == [6, 6]
    assert all(len(labels) == 32 for epoch in epochs for _, labels in epoch)
    assert not torch.equal(epochs[0][0][0], epochs[1][0][0])


def test_a_set_smaller_than_a_batch_is_one_batch(data: DeviceData) -> None:
    batches = list(data.train_batches(Recipe(batch_size=1000), torch.Generator()))
    assert [len(labels) for _, labels in batches] == [200]


def test_normalisation_is_that_of_the_train_split(data: DeviceData) -> None:
    images = data.normalise(data.train.images)
    assert images.mean().item() == pytest.approx(0, abs=1e-5)
    assert images.std(unbiased=False).item() == pytest.approx(1, abs=1e-5)


def test_a_constant_channel_is_not_divided_by_zero() -> None:
    flat = Split(np.full((8, 3, 3, 1), 7, np.uint8), np.arange(8) % 2)
    images = DeviceData(SearchData("flat", ("a", "b"), flat, flat), CPU)
    assert torch.isfinite(images.normalise(images.train.images)).all()


def test_crops_are_windows_of_the_reflected_image() -> None:
    image = torch.arange(20.0).reshape(1, 1, 4, 5)
    padded = torch.nn.functional.pad(image, (2, 2, 2, 2), mode="reflect")
    windows = {
        padded[0, 0, y : y + 4, x : x + 5].numpy().tobytes() for y, x in itertools.product(range(5), repeat=2)
    }
    crops = random_crop(image.expand(300, 1, 4, 5), 2, torch.Generator().manual_seed(0))
    assert {crop[0].contiguous().numpy().tobytes() for crop in crops} == windows


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 2)])
def test_crops_of_tiny_images(size: tuple[int, int]) -> None:
    assert random_crop(torch.rand(3, 2, *size), 4, torch.Generator()).shape == (3, 2, *size)


def test_about_half_of_the_images_are_mirrored() -> None:
    images = torch.arange(3.0).expand(1000, 1, 1, 3)
    mirrored = (random_flip(images, torch.Generator().manual_seed(0))[:, 0, 0, 0] == 2).sum()
    assert 400 < mirrored < 600


@given(warmup=st.floats(0, 0.9), progress=st.floats(0, 1))
def test_one_cycle_stays_between_0_and_1_and_ends_at_0(warmup: float, progress: float) -> None:
    assert 0 <= one_cycle(progress, warmup) <= 1
    assert one_cycle(1.0, warmup) == 0
    assert one_cycle(warmup, warmup) == 1
