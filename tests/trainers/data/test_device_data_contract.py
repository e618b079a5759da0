"""The contract of images on a device: one conformance suite for resident and streamed data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from tests.support.stripes import CPU, RECIPE, SPEC, stripes
from trainers.data.config import DataConfig
from trainers.data.device_data import DeviceData, ResidentData
from trainers.data.epoch_plan import plan_epoch
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData
from trainers.data.streamed_data import StreamedData
from trainers.training import Training

MIXED = RECIPE.replaced({"cutout": 2, "mixup": 0.4, "trivial_augment": 1.0, "random_erasing": 0.5})


def arrays() -> SearchData:
    return SearchData("stripes", ("rows", "columns"), stripes(70, 0), stripes(30, 1))


MAKERS: dict[str, Callable[[DataConfig], DeviceData]] = {
    "resident arrays": lambda _config: ResidentData(arrays(), CPU),
    "streamed arrays": lambda _config: StreamedData(arrays(), CPU),
    "resident files": lambda config: ResidentData(load_search_data(config), CPU),
    "streamed files": lambda config: StreamedData(
        load_search_data(config.model_copy(update={"memory_gib": 0.0})), CPU
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    root = tmp_path_factory.mktemp("images")
    split = stripes(80, 0)
    for index, (pixels, label) in enumerate(zip(split.images[:], split.labels, strict=True)):
        (root / f"c{label}").mkdir(exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(root / f"c{label}" / f"{index}.png")
    return DataConfig(source=f"imagefolder:{root}")


@pytest.fixture(scope="module", params=MAKERS)
def data(request: pytest.FixtureRequest, files: DataConfig) -> DeviceData:
    return MAKERS[request.param](files)


def test_data_yields_each_training_image_of_an_epoch_once(data: DeviceData) -> None:
    plan = plan_epoch(len(data.train_labels), RECIPE, seed=3, epoch=1)
    rows = torch.cat([of_batches.rows for of_batches, _ in data.train_windows(plan)])
    assert sorted(rows.tolist()) == sorted(plan.whole.rows.tolist())
    assert len(set(rows.tolist())) == len(rows)


def test_data_yields_float_batches_with_the_labels_of_their_rows(data: DeviceData) -> None:
    plan = plan_epoch(len(data.train_labels), RECIPE, seed=3, epoch=1)
    images, targets = zip(*data.train_batches(plan, RECIPE), strict=True)
    size = (data.search_data.in_channels, *data.search_data.image_size)
    for batch, labels in zip(images, targets, strict=True):
        assert batch.shape == (len(labels), *size)
        assert batch.dtype == torch.float32
        assert batch.isfinite().all()
        assert len(batch) <= plan.batch_size
    assert torch.equal(torch.cat(targets), data.train_labels[plan.whole.rows])


def test_data_repeats_batches_of_the_same_plan(data: DeviceData) -> None:
    plan = plan_epoch(len(data.train_labels), MIXED, seed=3, epoch=2)
    first, second = (list(data.train_batches(plan, MIXED)) for _ in range(2))
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)


def test_data_mixes_targets_to_fractions_of_classes(data: DeviceData) -> None:
    plan = plan_epoch(len(data.train_labels), MIXED, seed=3, epoch=1)
    for batch in data.train_batches(plan, MIXED):
        assert batch.targets.shape == (len(batch.images), data.search_data.num_classes)
        torch.testing.assert_close(batch.targets.sum(dim=1), torch.ones(len(batch.images)))


@pytest.mark.parametrize("batch_size", [1, 7, 1024])
def test_data_yields_the_validation_split_in_order(data: DeviceData, batch_size: int) -> None:
    images, targets = zip(*data.val_batches(batch_size), strict=True)
    assert all(len(batch) <= batch_size for batch in images)
    assert torch.equal(torch.cat(targets), data.val_labels)
    pixels = torch.from_numpy(np.array(data.search_data.val.images[:]))
    assert torch.equal(torch.cat(images), data.normalise(pixels))


def test_data_normalises_the_training_split(data: DeviceData) -> None:
    pixels = torch.from_numpy(np.array(data.search_data.train.images[:]))
    normalised = data.normalise(pixels)
    dims = (0, 2, 3)
    torch.testing.assert_close(normalised.mean(dims), torch.zeros(len(data.mean)), atol=1e-4, rtol=0)
    torch.testing.assert_close(normalised.std(dims), torch.ones(len(data.std)), atol=1e-2, rtol=0)


def test_data_weighs_classes_with_mean_one(data: DeviceData) -> None:
    weights = data.class_weights()
    assert weights[data.train_labels].mean().item() == pytest.approx(1.0)


def test_data_trains_a_network_reproducibly(data: DeviceData) -> None:
    losses = [next(Training(SPEC, data, RECIPE, seed=0).epochs()).train_loss for _ in range(2)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("kind", ["arrays", "files"])
def test_streamed_batches_equal_resident_ones(files: DataConfig, kind: str) -> None:
    resident, streamed = (MAKERS[f"{where} {kind}"](files) for where in ("resident", "streamed"))
    assert torch.equal(resident.mean, streamed.mean)
    plan = plan_epoch(len(resident.train_labels), MIXED, seed=1, epoch=1)
    batches = zip(resident.train_batches(plan, MIXED), streamed.train_batches(plan, MIXED), strict=True)
    assert all(torch.equal(one.images, other.images) for one, other in batches)
