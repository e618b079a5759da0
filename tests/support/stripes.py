"""A small data set that a small network learns in seconds, and how to train on it."""

from __future__ import annotations

import numpy as np
import torch

from space.notation.parse import parse_notation
from trainers.data.device_data import ResidentData
from trainers.data.splits import SearchData, Split
from trainers.recipe import Recipe

CPU = torch.device("cpu")
SPEC = parse_notation("MgNet[1,1]-4-B^l", in_channels=1, num_classes=2)
RECIPE = Recipe(epochs=4, batch_size=32, crop_padding=1, flip=True)


def stripes(count: int, seed: int) -> Split:
    """Images of 6 x 7 pixels: horizontal stripes or vertical ones, in noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = rng.integers(0, 100, (count, 6, 7, 1))
    x[y == 0, ::2] += 100
    x[y == 1, :, ::2] += 100
    return Split(x.astype(np.uint8), y.astype(np.int64))


def striped_data(num_train: int = 200, num_val: int = 60) -> ResidentData:
    return resident(stripes(num_train, 0), stripes(num_val, 1))


def resident(train: Split, val: Split, classes: tuple[str, ...] = ("rows", "columns")) -> ResidentData:
    return ResidentData(SearchData("stripes", classes, train, val), CPU)
