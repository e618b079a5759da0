"""Images that a search may see and those that it may not: two types, so that nothing mixes them up."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator

from space.core.atomic_files import absolute_path
from space.core.errors import InvalidInputError, nearest, shown
from trainers.data.image_store import Images, StoredImages, taken
from trainers.data.raw_images import RawImages, SourceOptions
from trainers.data.sources import SOURCES
from trainers.data.stratified import stratified_split
from trainers.data.torchvision_sources import KNOWN_SETS

LONGEST_SIDE = 10_000
"""Pixels of an image's height or width that a study may ask for."""
MOST_NAMED = 5
"""Classes that a remark names."""
MOST_LOOKED_AT = 64
"""Training images, evenly spread, that are looked at for whether there is anything on them."""


class DataConfig(BaseModel):
    """The images and their splits: the ``[data]`` section of a study.

    The test split is taken off first, then the validation split of the remaining images. A split that the
    source brings is used as it is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    source: str = Field(
        default="digits",
        description="digits, mnist, fashion_mnist, cifar10, cifar100, svhn, npz:FILE or imagefolder:PATH.",
    )
    val_fraction: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="Fraction of the training images in the validation split, if the source has none.",
    )
    test_fraction: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="Fraction of the images that is held out for the test, if the source has no test split.",
    )
    split_seed: int = Field(default=0, ge=0, lt=2**63, description="Seed of the stratified splits.")
    root: str = Field(default="", description="Folder of the torchvision data sets; empty: ~/.cache/mgnas.")
    memory_gib: float | None = Field(
        default=None,
        ge=0,
        description="Memory in GiB that a worker may use for images; larger sets are streamed; unset: 1/5 of "
        "the free memory, or 1/2 of a GPU's, divided among the workers.",
    )
    reader_threads: int = Field(
        default=1, ge=0, le=256, description="Threads of each worker that read streamed images."
    )
    image_size: int | Annotated[tuple[int, int], Field(strict=False)] | None = Field(
        default=None,
        description="Size in pixels to which imagefolder scales images, N or [height, width]; unset: their "
        "own size, or 64.",
    )

    @field_validator("image_size", mode="before")
    @classmethod
    def _one_side_or_two(cls, size: object) -> object:
        """Say both forms at once, and not what is wrong with the value as each of them."""
        sides = size if isinstance(size, (list, tuple)) and len(size) == 2 else (size,)
        if size is not None and not all(type(side) is int and 1 <= side <= LONGEST_SIDE for side in sides):
            raise ValueError(f"must be one side or [height, width], in pixels from 1 to {LONGEST_SIDE:,}")
        return size

    @field_validator("source")
    @classmethod
    def _known_kind(cls, source: str) -> str:
        """A missing path is no matter of the configuration: presets leave it to the command line."""
        kind = source.partition(":")[0]
        if kind not in SOURCES:
            hint = nearest(kind, tuple(SOURCES))
            if source.endswith(".npz"):
                hint = f"; did you mean {shown(f'npz:{source}')}?"
            elif _is_folder(source):
                hint = f"; did you mean {shown(f'imagefolder:{source}')}?"
            raise ValueError(
                f"data.source must be one of {sorted(SOURCES)} (npz:FILE, imagefolder:PATH), "
                f"but got {shown(source)}{hint}"
            )
        if "\0" in source:
            raise ValueError(f"data.source must not hold NUL characters, but got {shown(source)}")
        return source

    def resolved(self, base: Path) -> Self:
        """Return the same with the source's file or folder, and the root, absolute, seen from ``base``.

        Raises:
            InvalidInputError: a path begins with a ``~user`` that is not known here, or goes in circles.
        """
        kind, _, path = self.source.partition(":")
        changes = {}
        if path:
            changes["source"] = f"{kind}:{absolute_path(base, path, f'data.source = {shown(self.source)}')}"
        if self.root:
            changes["root"] = absolute_path(base, self.root, f"data.root = {shown(self.root)}")
        return self.model_copy(update=changes)


def _is_folder(text: str) -> bool:
    try:
        return Path(text).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):  # no path at all
        return False


@dataclass(frozen=True)
class Split:
    """Images uint8 N H W C and their labels int64 N, numbers from 0 to K - 1."""

    images: Images
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class SearchData:
    """What a search may see: a train and a validation split. There is no test split in here, only its size.

    Where the images come from files, ``signature`` stands for them and the split, and nothing depends on
    whether they were read into memory.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    val: Split
    signature: str = ""
    notes: tuple[str, ...] = ()
    num_held_out: int = 0

    @property
    def is_stored(self) -> bool:
        """Whether images are read from their files whenever they are needed."""
        return any(isinstance(split.images, StoredImages) for split in (self.train, self.val))

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.train.images.shape[1], self.train.images.shape[2]

    @property
    def in_channels(self) -> int:
        """Channels of an image: 1 for grey, 3 for colour."""
        return int(self.train.images.shape[3])

    @property
    def num_classes(self) -> int:
        """Number of classes K."""
        return len(self.classes)

    def remarks(self) -> list[str]:
        """Return what is odd about the images, a line each, such as classes that have none in a split."""
        found = list(self.notes)
        rows = np.linspace(0, len(self.train) - 1, min(len(self.train), MOST_LOOKED_AT)).astype(np.int64)
        looked_at = self.train.images[rows]
        if (looked_at == looked_at.flat[0]).all():
            found.append(
                f"all pixels of the training images have one value, {looked_at.flat[0]}: there is nothing to "
                "learn; of images with 16 bits the upper 8 are taken"
            )
        for split, name, meaning in (
            (self.train, "training", "such images are never learned"),
            (self.val, "validation", "nothing tells how well such images are learned"),
        ):
            missing = np.flatnonzero(np.bincount(split.labels, minlength=self.num_classes) == 0)
            if len(missing):
                names = [shown(self.classes[row]) for row in missing[:MOST_NAMED]]
                more = ["..."] if len(missing) > MOST_NAMED else []
                found.append(f"no {name} image of {', '.join(names + more)}: {meaning}")
        return found

    def fingerprint(self) -> str:
        """Return 12 hexadecimal digits that change with any pixel, label or split.

        Of images in files, with any name or size, and with the content of some.
        """
        return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for split in (self.train, self.val):
            digest.update(str(split.images.shape).encode())
            pixels = self.signature.encode() or np.ascontiguousarray(split.images).data
            digest.update(pixels)
            digest.update(np.ascontiguousarray(split.labels).data)
        return digest.hexdigest()[:12]

    def describe(self) -> dict[str, Any]:
        """Return the facts that a study keeps of its data, as plain data."""
        return {
            "name": self.name,
            "classes": list(self.classes),
            "image_size": list(self.image_size),
            "in_channels": self.in_channels,
            "train": len(self.train),
            "val": len(self.val),
            "fingerprint": self.fingerprint(),
        }


def other_names(before: Sequence[str], now: Sequence[str]) -> str:
    """Return in words how names of classes of before differ from those of now."""
    pairs = zip_longest(before, now)
    old, new = next((shown(old), shown(new)) for old, new in pairs if old != new)
    return f"other names of classes ({old} instead of {new})"


@dataclass(frozen=True)
class HeldOutData:
    """The test split, for certification and nothing else."""

    name: str
    classes: tuple[str, ...]
    test: Split


def load_search_data(config: DataConfig, memory_share: float = 1.0) -> SearchData:
    """Return the train and validation split of the configured images, the same in every process.

    ``memory_share`` of the free memory is for this process: where that is too little, files are read later.

    Raises:
        InvalidInputError: unknown source, missing or unreadable file, or images or labels of a wrong form.
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
    """Return image size (H, W), channels and classes where they are known without looking at the images."""
    kind = config.source.partition(":")[0]
    if kind == "digits":
        return (8, 8), 1, 10
    if known := KNOWN_SETS.get(kind):
        return (known.size, known.size), known.channels, known.classes
    return None


def load_held_out(config: DataConfig) -> HeldOutData:
    """Return the test split of the configured images.

    Raises:
        InvalidInputError: as ``load_search_data``, or there is no test split.
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
    raw = SOURCES[kind](path, SourceOptions(config.root, size, config.memory_gib, memory_share))
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
