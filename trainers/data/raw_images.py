"""The interface of a source of images: what it returns, and its options."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.image_store import Images

Pair = tuple[Images, NDArray[np.int64]]


@dataclass(frozen=True)
class RawImages:
    """A data set as its source provides it; each part is a pair of images uint8 N H W C and labels int64 N.

    ``signature`` identifies images in files, whether they are in memory or not. ``notes`` are remarks for the
    user, one sentence each.
    """

    name: str
    classes: tuple[str, ...]
    train: Pair
    val: Pair | None = None
    test: Pair | None = None
    signature: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceOptions:
    """The options of the ``[data]`` section for a source: see ``DataConfig``.

    ``memory_share`` is the fraction of the free memory that belongs to this process.
    """

    root: str = ""
    image_size: tuple[int, int] | None = None
    memory_gib: float | None = None
    memory_share: float = 1.0
