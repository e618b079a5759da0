"""Stratified splits in NumPy. They support classes with one or two images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stratified_split(
    labels: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to keep and the rows to hold out.

    A class with n images loses ``min(round(fraction * n), n - 1)`` of them to the held-out rows.

    Args:
        labels: The label of each image, int64 N.
        fraction: The fraction of each class to hold out.
        seed: The seed of the random choice.

    Returns:
        Two arrays of rows, int64, ascending: kept and held out.
    """
    rng = np.random.default_rng(seed)
    held = []
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        num_held = min(round(fraction * len(rows)), len(rows) - 1)
        held.append(rng.permutation(rows)[:num_held])
    held_rows = np.sort(np.concatenate(held)).astype(np.int64)
    kept = np.setdiff1d(np.arange(len(labels), dtype=np.int64), held_rows)
    return kept, held_rows
