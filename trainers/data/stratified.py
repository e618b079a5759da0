"""Stratified splits in numpy, also for classes with one or two images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stratified_split(
    labels: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows to keep and the rows to hold out, both ascending, int64.

    Of each class, round(fraction * n) images are held out, but at most n - 1.
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
