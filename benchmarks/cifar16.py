"""CIFAR-10 at 16 x 16 pixels: real data. One CPU core trains small networks on it in seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.data.splits import SearchData, Split

GREY_CLASSES = ("cat", "deer", "dog", "horse", "ship")


def load_cifar16(file: Path, num_train: int, num_val: int) -> SearchData:
    """Read ``x_train`` (uint8, N x 32 x 32 x 3) and ``y_train`` of an .npz file; average 2 x 2 pixels."""
    with np.load(file) as arrays:
        images, labels = arrays["x_train"], arrays["y_train"].astype(np.int64)
        classes = tuple(str(name) for name in arrays["classes"])
    rows = np.random.default_rng(0).permutation(len(labels))[: num_train + num_val]
    small = halved(images[rows])
    train = Split(small[:num_train], labels[rows[:num_train]])
    return SearchData(
        "cifar10 at 16 x 16", classes, train, Split(small[num_train:], labels[rows[num_train:]])
    )


def load_grey16(file: Path) -> SearchData:
    """Read another task from the same file: five classes, without colours, 1,500 training images."""
    everything = load_cifar16(file, 20_000, 8_000)
    classes = tuple(everything.classes.index(name) for name in GREY_CLASSES)
    return SearchData(
        "five classes of cifar10 in grey",
        GREY_CLASSES,
        _grey(everything.train, classes, 1500),
        _grey(everything.val, classes, 2000),
    )


def _grey(split: Split, classes: tuple[int, ...], num: int) -> Split:
    """Return the first images of some classes, without colours. Labels are indices into ``classes``."""
    rows = np.flatnonzero(np.isin(split.labels, classes))[:num]
    images = split.images[rows].mean(axis=-1, keepdims=True, dtype=np.float32)
    labels = np.array([classes.index(int(label)) for label in split.labels[rows]], dtype=np.int64)
    return Split(np.round(images).astype(np.uint8), labels)


def halved(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images (N x H x W x C) with each 2 x 2 pixels averaged."""
    num, height, width, channels = images.shape
    blocks = images.reshape(num, height // 2, 2, width // 2, 2, channels)
    return np.round(blocks.mean(axis=(2, 4))).astype(np.uint8)
