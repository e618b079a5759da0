"""Batches: content, order and normalisation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from tests.support.stripes import RECIPE, resident, stripes
from trainers.data.augment import cut_windows
from trainers.data.device_data import ResidentData
from trainers.data.epoch_plan import BatchPlan, EpochPlan, plan_epoch
from trainers.data.splits import Split
from trainers.recipe import Recipe

PLAIN = Recipe(batch_size=32)


def test_batches_cover_the_set_in_another_order_every_epoch(data: ResidentData) -> None:
    plans = [plan_epoch(200, PLAIN, seed=0, epoch=epoch) for epoch in (1, 2)]
    epochs = [list(data.train_batches(plan, PLAIN)) for plan in plans]
    assert [len(epoch) for epoch in epochs] == [6, 6]
    assert all(len(batch.targets) == 32 for epoch in epochs for batch in epoch)
    assert not torch.equal(plans[0].whole.rows, plans[1].whole.rows)
    assert all(len(plan.whole.rows.unique()) == 192 for plan in plans)


def test_labels_stay_with_their_images(data: ResidentData) -> None:
    for batch in data.train_batches(plan_epoch(200, RECIPE, seed=3, epoch=1), RECIPE):
        rows = batch.images[:, 0].mean(dim=2).std(dim=1)  # horizontal stripes vary from row to row
        columns = batch.images[:, 0].mean(dim=1).std(dim=1)
        assert torch.equal((columns > rows).long(), batch.targets)


class SeveralAtOnce(ResidentData):
    def train_windows(self, plan: EpochPlan) -> Iterator[tuple[BatchPlan, torch.Tensor]]:
        for of_batches in plan.batches(self.device, at_once=4):
            yield of_batches, cut_windows(self._train, of_batches.rows, of_batches)


@pytest.mark.parametrize("mixup", [0.0, 0.3])
def test_batches_that_are_augmented_together_are_the_same(data: ResidentData, mixup: float) -> None:
    recipe = RECIPE.replaced({"cutout": 3, "mixup": mixup, "trivial_augment": 1.0, "random_erasing": 0.5})
    plan = plan_epoch(200, recipe, seed=0, epoch=1)
    together = SeveralAtOnce(data.search_data, data.device)
    both = list(zip(data.train_batches(plan, recipe), together.train_batches(plan, recipe), strict=True))
    assert len(both) == 6
    for one, other in both:
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)


def test_a_set_smaller_than_a_batch_is_one_batch(data: ResidentData) -> None:
    large = Recipe(batch_size=1000)
    batches = list(data.train_batches(plan_epoch(200, large, seed=0, epoch=1), large))
    assert [len(batch.targets) for batch in batches] == [200]


def test_the_validation_split_comes_whole_and_in_order(data: ResidentData) -> None:
    batches = list(data.val_batches(batch_size=25))
    assert [len(batch.targets) for batch in batches] == [25, 25, 10]
    assert torch.equal(torch.cat([batch.targets for batch in batches]), data.val_labels)


def test_normalisation_is_that_of_the_train_split(data: ResidentData) -> None:
    images = data.normalise(torch.from_numpy(data.search_data.train.images))
    assert images.mean().item() == pytest.approx(0, abs=1e-5)
    assert images.std(unbiased=False).item() == pytest.approx(1, abs=1e-5)
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_a_constant_channel_is_not_divided_by_zero() -> None:
    flat = Split(np.full((8, 3, 3, 1), 7, np.uint8), np.arange(8) % 2)
    images = resident(flat, flat)
    assert torch.isfinite(images.normalise(torch.from_numpy(flat.images))).all()


@pytest.mark.parametrize("channels", [1, 2, 7])
def test_any_number_of_channels(channels: int) -> None:
    split = stripes(40, 0)
    data = resident(Split(np.repeat(split.images, channels, axis=3), split.labels), split)
    (first, *_) = data.train_batches(plan_epoch(40, RECIPE, seed=0, epoch=1), RECIPE)
    assert first.images.shape == (32, channels, 6, 7)
