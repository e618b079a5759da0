"""Small studies for end-to-end tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TINY = """
name = "tiny"

[data]
source = "npz:images.npz"
val_fraction = 0.25

[space]
levels = [1, 2]
nu = {{ low = 1, high = 2 }}
c_u = [2, 3, 4]
c_f = "c_u"
share_b = ["level", "iteration"]

[train]
epochs = {epochs}
batch_size = 16
lr = 0.1
optimizer = "sgd"
precision = "float32"

[execution]
channels_last = true

[search]
trials = {trials}
workers = {workers}
sampler = "tpe"
"""


def write_images(folder: Path, count: int = 96, seed: int = 0, classes: tuple[str, str] = ("0", "1")) -> Path:
    """Two classes of noisy stripes, 6 x 7 pixels, grey."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    x = rng.integers(0, 150, (count, 6, 7))
    x[y == 0, ::2] += 100
    x[y == 1, :, ::2] += 100
    np.savez(folder / "images.npz", x_train=x.astype(np.uint8), y_train=y, classes=np.array(classes))
    return folder / "images.npz"


def write_study(
    folder: Path, *, epochs: int = 2, trials: int = 6, workers: int = 2, images: int = 96
) -> Path:
    """Many images make long epochs: with short ones a worker runs ahead of what its driver writes down."""
    write_images(folder, images)
    file = folder / "tiny.toml"
    file.write_text(TINY.format(epochs=epochs, trials=trials, workers=workers), encoding="utf-8")
    return file
