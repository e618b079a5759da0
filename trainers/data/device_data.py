"""Batches for training: augmented and normalised on the device.

Subclasses decide where the pixels are stored. The batches of one plan are the same for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.data.augment import cut_out, cut_windows, erase, mix_up
from trainers.data.epoch_plan import BatchPlan, EpochPlan
from trainers.data.splits import SearchData, Split
from trainers.data.statistics import channel_statistics
from trainers.data.trivial_augment import trivial_augment
from trainers.recipe import Recipe

MOST_READ = 4096
"""Largest number of image files for mean and standard deviation."""
VALUES_AT_ONCE = 2**22
"""Values (N x H x W x C) that a GPU augments at once, in whole batches, at least one."""


class Batch(NamedTuple):
    """Images float32 N C H W and targets: labels int64 N, or class probabilities float32 N K."""

    images: Tensor
    targets: Tensor


class TaughtBatch(NamedTuple):
    """Images and targets of a ``Batch``, and logits of the teacher, float32 N K."""

    images: Tensor
    targets: Tensor
    of_teacher: Tensor


class DeviceData(ABC):
    """Train and validation split on one device, normalised by the train split.

    ``mean`` and ``std`` are those of each channel of pixels scaled to 0..1, float32 C, on the device.
    """

    def __init__(self, data: SearchData, device: torch.device) -> None:
        self.search_data = data
        self.device = device
        mean, std = channel_statistics(data.train.images, most=MOST_READ if data.signature else None)
        self.mean = torch.tensor(mean, dtype=torch.float32, device=device)
        self.std = torch.tensor(std, dtype=torch.float32, device=device)
        self.train_labels = torch.from_numpy(data.train.labels).to(device)
        self.val_labels = torch.from_numpy(data.val.labels).to(device)

    @abstractmethod
    def train_windows(self, plan: EpochPlan) -> Iterator[tuple[BatchPlan, Tensor]]:
        """Yield plans of one or more batches with their shifted and mirrored images, uint8 N H W C on the
        device.
        """

    @abstractmethod
    def val_images(self, batch_size: int) -> Iterator[Tensor]:
        """Yield the validation split in order, uint8 N H W C on the device."""

    def normalise(self, images: Tensor) -> Tensor:
        """Return uint8 N H W C images as float32 N C H W in channels-last order: (x / 255 - mean) / std."""
        scaled = images.float().mul_(1 / (255 * self.std)).sub_(self.mean / self.std)
        return scaled.permute(0, 3, 1, 2)

    def train_batches(self, plan: EpochPlan, recipe: Recipe) -> Iterator[Batch]:
        """Yield the augmented, normalised batches of one epoch."""
        size = plan.batch_size
        for of_batches, windows in self.train_windows(plan):
            if of_batches.operations is not None and of_batches.strengths is not None:
                windows = trivial_augment(windows, of_batches.operations, of_batches.strengths)
            images, targets = self.normalise(windows), self.train_labels[of_batches.rows]
            if of_batches.holes is not None:
                images = cut_out(images, of_batches.holes, recipe.cutout)
            if of_batches.boxes is not None:
                images = erase(images, of_batches.boxes)
            if of_batches.mix is None:
                yield from map(Batch, torch.split(images, size), torch.split(targets, size))
                continue
            shares = F.one_hot(targets, self.search_data.num_classes).float()
            of_batch = (torch.split(tensor, size) for tensor in (images, shares, of_batches.mix))
            for parts in zip(*of_batch, strict=True):
                yield Batch(*mix_up(*parts))

    def val_batches(self, batch_size: int = 1024) -> Iterator[Batch]:
        """Yield the normalised validation split in order, in batches of at most ``batch_size`` images."""
        first = 0
        for images in self.val_images(batch_size):
            yield Batch(self.normalise(images), self.val_labels[first : first + len(images)])
            first += len(images)

    def class_weights(self) -> Tensor:
        """Return the weight of an image of each class, float32 K, so that all classes have the same total
        weight.

        The mean over the train split is 1. A class without images has weight 0.
        """
        counts = torch.bincount(self.train_labels, minlength=self.search_data.num_classes).float()
        weights = torch.where(counts > 0, 1 / counts.clamp(min=1), 0.0)
        return weights * counts.sum() / (counts > 0).sum()


class ResidentData(DeviceData):
    """Images that stay on the device as uint8. All trainings of a worker share them."""

    def __init__(self, data: SearchData, device: torch.device) -> None:
        super().__init__(data, device)
        self._train = _put(data.train, device)
        self._val = _put(data.val, device)

    def train_windows(self, plan: EpochPlan) -> Iterator[tuple[BatchPlan, Tensor]]:
        """Yield plans with their images, gathered on the device."""
        at_once = 1
        if self.device.type == "cuda":
            at_once = max(1, VALUES_AT_ONCE // (plan.batch_size * self._train[0].numel()))
        for of_batches in plan.batches(self.device, at_once):
            yield of_batches, cut_windows(self._train, of_batches.rows, of_batches)

    def val_images(self, batch_size: int) -> Iterator[Tensor]:
        """Yield views of the validation split."""
        yield from torch.split(self._val, batch_size)


def windows_of(images: Tensor, plan: BatchPlan) -> Tensor:
    """Return a batch on the device, shifted and mirrored as planned."""
    rows = torch.arange(len(images), device=images.device)
    return cut_windows(images, rows, replace(plan, rows=rows))


def _put(split: Split, device: torch.device) -> Tensor:
    return torch.from_numpy(split.images[:]).to(device)
