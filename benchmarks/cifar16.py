"""CIFAR-10 at 16 x 16 pixels: real data on which one CPU core trains small networks in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.data import SearchData, Split


def load_cifar16(file: Path, num_train: int, num_val: int) -> SearchData:
    """Read ``x_train`` (uint8 N 32 32 3) and ``y_train`` of an .npz file; every 2 x 2 pixels become one."""
    with np.load(file) as arrays:
        images, labels = arrays["x_train"], arrays["y_train"].astype(np.int64)
        classes = tuple(str(name) for name in arrays["classes"])
    rows = np.random.default_rng(0).permutation(len(labels))[: num_train + num_val]
    small = _halved(images[rows])
    train = Split(small[:num_train], labels[rows[:num_train]])
    return SearchData(
        "cifar10 at 16 x 16", classes, train, Split(small[num_train:], labels[rows[num_train:]])
    )


def _halved(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    num, height, width, channels = images.shape
    blocks = images.reshape(num, height // 2, 2, width // 2, 2, channels)
    return np.round(blocks.mean(axis=(2, 4))).astype(np.uint8)
