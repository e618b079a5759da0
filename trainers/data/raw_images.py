"""What a source of images returns, and what it may be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.data.image_store import Images

Pair = tuple[Images, NDArray[np.int64]]


@dataclass(frozen=True)
class RawImages:
    """A data set as its source has it: (images uint8 N H W C, labels int64 N) of each part it brings.

    ``signature`` stands for the images of files, whether they were read into memory or not; ``notes`` are
    for the user, a sentence each.
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
    """What the ``[data]`` section says besides the source: see ``trainers.data.config.DataConfig``.

    ``memory_share`` of the memory that is free is for this process; the rest is for others like it.
    """

    root: str = ""
    image_size: tuple[int, int] | None = None
    memory_gib: float | None = None
    memory_share: float = 1.0
