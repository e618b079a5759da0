"""The images on the device: put there once for a worker, shared by all its trainings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.augment import random_crop, random_flip
from trainers.data import SearchData, Split
from trainers.recipe import Recipe


@dataclass(frozen=True)
class DeviceSplit:
    """Images uint8 N C H W and labels int64 N on one device."""

    images: Tensor
    labels: Tensor

    @classmethod
    def put(cls, split: Split, device: torch.device) -> DeviceSplit:
        """Return the split on ``device``, its channels moved in front."""
        images = np.ascontiguousarray(split.images.transpose(0, 3, 1, 2))
        return cls(torch.from_numpy(images).to(device), torch.from_numpy(split.labels).to(device))

    def __len__(self) -> int:
        return len(self.labels)


class DeviceData:
    """Train and validation split on a device, with the normalisation that the train split gives.

    ``mean`` and ``std`` are per channel, of pixels scaled to 0..1, shape 1 C 1 1.
    """

    def __init__(self, data: SearchData, device: torch.device) -> None:
        self.search_data = data
        self.device = device
        self.train = DeviceSplit.put(data.train, device)
        self.val = DeviceSplit.put(data.val, device)
        mean, std = _channel_statistics(data.train)
        shape = (1, data.in_channels, 1, 1)
        self.mean = torch.tensor(mean, dtype=torch.float32, device=device).reshape(shape)
        self.std = torch.tensor(std, dtype=torch.float32, device=device).reshape(shape)

    def normalise(self, images: Tensor) -> Tensor:
        """Return uint8 N C H W images as float32, channels last in memory, mean 0 and deviation 1."""
        scaled = images.float().div_(255).sub_(self.mean).div_(self.std)
        return scaled.contiguous(memory_format=torch.channels_last)

    def train_batches(self, recipe: Recipe, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield one epoch of augmented, normalised batches and labels, in random order.

        An incomplete last batch is left out; a set smaller than one batch is one batch.
        """
        size = min(recipe.batch_size, len(self.train))
        order = torch.randperm(len(self.train), generator=generator).to(self.device)
        for start in range(0, len(order) - size + 1, size):
            rows = order[start : start + size]
            images = self.normalise(self.train.images[rows])
            if recipe.crop_padding:
                images = random_crop(images, recipe.crop_padding, generator)
            if recipe.flip:
                images = random_flip(images, generator)
            yield images, self.train.labels[rows]

    def num_batches(self, recipe: Recipe) -> int:
        """Return the number of batches that ``train_batches`` yields."""
        return len(self.train) // min(recipe.batch_size, len(self.train))

    def val_batches(self, size: int = 1024) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the whole validation split in order, normalised, in batches of at most ``size``."""
        for start in range(0, len(self.val), size):
            rows = slice(start, start + size)
            yield self.normalise(self.val.images[rows]), self.val.labels[rows]


def _channel_statistics(split: Split) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of every channel, of pixels scaled to 0..1, from exact sums."""
    num_pixels = split.images[..., 0].size
    counts = [np.bincount(split.images[..., c].ravel(), minlength=256) for c in range(split.images.shape[3])]
    levels = np.arange(256) / 255
    means = [float(count @ levels) / num_pixels for count in counts]
    variances = [
        float(count @ (levels - mean) ** 2) / num_pixels for count, mean in zip(counts, means, strict=True)
    ]
    # a channel without any variation stays as it is instead of being divided by nothing
    return means, [variance**0.5 if variance > 1e-10 else 1.0 for variance in variances]
