"""Loading the splits that a ``[data]`` section describes: the search's, or the held-out test split."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from space.core.atomic_files import absolute_path
from space.core.errors import InvalidInputError, shown
from trainers.data.config import DataConfig
from trainers.data.image_store import taken
from trainers.data.raw_images import RawImages, SourceOptions
from trainers.data.sources import SOURCES
from trainers.data.splits import HeldOutData, SearchData, Split
from trainers.data.stratified import stratified_split
from trainers.data.torchvision_sources import KNOWN_SETS


def load_search_data(config: DataConfig, memory_share: float = 1.0) -> SearchData:
    """Return the train and validation split, the same in every process.

    Args:
        config: The ``[data]`` section.
        memory_share: Fraction of the free memory that belongs to this process. Larger sets stay in their
            files.

    Raises:
        InvalidInputError: The source is unknown, a file is missing or unreadable, or images or labels are
            invalid.
    """
    raw = _load(config, memory_share)
    train, test = _without_test(raw, config)
    if raw.val is not None:
        val = Split(*raw.val)
    else:
        kept, held = stratified_split(train.labels, config.val_fraction, config.split_seed)
        train, val = _take(train, kept), _take(train, held)
    _check_sizes(raw, train, val)
    return SearchData(raw.name, raw.classes, train, val, _signature(raw, config), raw.notes, len(test))


def _signature(raw: RawImages, config: DataConfig) -> str:
    split = (config.val_fraction, config.test_fraction, config.split_seed)
    return f"{raw.signature} {split}" if raw.signature else ""


def known_format(config: DataConfig) -> tuple[tuple[int, int], int, int] | None:
    """Return image size (H, W), channels and number of classes if known without loading images, else None."""
    kind = config.source.partition(":")[0]
    if kind == "digits":
        return (8, 8), 1, 10
    if known := KNOWN_SETS.get(kind):
        return (known.size, known.size), known.channels, known.classes
    return None


def load_held_out(config: DataConfig) -> HeldOutData:
    """Return the test split.

    Raises:
        InvalidInputError: As ``load_search_data``, or there is no test split.
    """
    raw = _load(config)
    _, test = _without_test(raw, config)
    if not len(test):
        raise InvalidInputError(
            f"{raw.name} has no test images: its file has none and data.test_fraction is 0"
        )
    return HeldOutData(raw.name, raw.classes, Split(test.images[:], test.labels))  # read, if still in files


def _load(config: DataConfig, memory_share: float = 1.0) -> RawImages:
    kind, _, path = config.source.partition(":")
    if path.startswith("~"):
        path = absolute_path(Path.cwd(), path, f"data.source = {shown(config.source)}")
    size = (config.image_size, config.image_size) if isinstance(config.image_size, int) else config.image_size
    options = SourceOptions(config.root, size, config.max_image_side, config.memory_gib, memory_share)
    raw = SOURCES[kind](path, options)
    if config.image_size is None or kind == "imagefolder":
        return raw
    unused = f"data.image_size = {shown(config.image_size)} is not used: only imagefolder resizes images"
    return replace(raw, notes=(*raw.notes, unused))


def _without_test(raw: RawImages, config: DataConfig) -> tuple[Split, Split]:
    train = Split(*raw.train)
    if raw.test is not None:
        return train, Split(*raw.test)
    kept, held = stratified_split(train.labels, config.test_fraction, config.split_seed)
    return _take(train, kept), _take(train, held)


def _take(split: Split, rows: NDArray[np.int64]) -> Split:
    return Split(taken(split.images, rows), split.labels[rows])


def _check_sizes(raw: RawImages, train: Split, val: Split) -> None:
    if len(train) < 2 or not len(val):
        raise InvalidInputError(
            f"{raw.name}: too few images, {len(train)} to train on and {len(val)} to validate on; "
            "bring more, or change data.val_fraction and data.test_fraction"
        )
    if len(np.unique(train.labels)) < 2:
        raise InvalidInputError(f"{raw.name}: the training images all have one label; at least 2 are needed")
