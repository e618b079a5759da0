"""The interface of an image source: its result and its options."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.image_store import Images

Pair = tuple[Images, NDArray[np.int64]]


@dataclass(frozen=True)
class RawImages:
    """A data set as its source provides it.

    Each part is a pair of images (uint8 N H W C) and labels (int64 N). ``signature`` identifies images from
    files, both in memory and stored. ``notes`` are remarks for the user, one sentence each.
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
    """The options of a source, from the ``[data]`` section. ``DataConfig`` describes them.

    ``image_size`` is (H, W) in pixels, ``max_image_side`` the largest side without it. ``memory_share`` is this
    process's fraction of the free memory.
    """

    root: str = ""
    image_size: tuple[int, int] | None = None
    max_image_side: int | None = None
    memory_gib: float | None = None
    memory_share: float = 1.0
