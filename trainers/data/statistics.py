"""Mean and standard deviation of image channels, from exact histograms."""

from __future__ import annotations

import numpy as np

from trainers.data.image_store import Images, taken

CHUNK = 1024


def channel_statistics(images: Images, most: int | None = None) -> tuple[list[float], list[float]]:
    """Return the mean and the standard deviation of each channel, for pixels scaled to 0..1.

    The deviation of a constant channel is 1. Callers can divide by it.

    Args:
        images: uint8 N H W C.
        most: Largest number of images to read, evenly spread. None: all.

    Returns:
        Two lists with C numbers each: means and standard deviations.
    """
    if most is not None and most < len(images):
        images = taken(images, np.linspace(0, len(images) - 1, most).astype(np.int64))
    num_channels = images.shape[3]
    counts = np.zeros((num_channels, 256), dtype=np.int64)
    for start in range(0, len(images), CHUNK):
        part = images[start : start + CHUNK]
        for channel in range(num_channels):
            counts[channel] += np.bincount(part[..., channel].ravel(), minlength=256)
    levels = np.arange(256) / 255
    shares = counts / counts.sum(axis=1, keepdims=True)
    means = shares @ levels
    variances = [float(share @ (levels - mean) ** 2) for share, mean in zip(shares, means, strict=True)]
    return means.tolist(), [variance**0.5 if variance > 1e-10 else 1.0 for variance in variances]
