"""The splits of a data set. A search receives ``SearchData``, which has no test split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.core.errors import shown
from trainers.data.image_store import Images, StoredImages

MOST_NAMED = 5
"""Classes that one remark names."""
MOST_LOOKED_AT = 64
"""Training images, evenly spread, that are checked for equal pixels."""


@dataclass(frozen=True)
class Split:
    """Images uint8 N H W C and their labels int64 N, numbers from 0 to K - 1."""

    images: Images
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class SearchData:
    """The images of a search: a train and a validation split, and only the size of the test split.

    Attributes:
        name: Name of the data set.
        classes: Names of the classes, by label.
        train: The training images.
        val: The validation images.
        signature: Identity of images in files and of their split, whether they are in memory or not.
        notes: Remarks of the source for the user.
        num_held_out: Images of the test split.
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
        """Whether images stay in their files."""
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
        """Return remarks on the images, one line each, e.g. on classes without images in a split."""
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
            (self.val, "validation", "their accuracy is not measured"),
        ):
            missing = np.flatnonzero(np.bincount(split.labels, minlength=self.num_classes) == 0)
            if len(missing):
                names = [shown(self.classes[row]) for row in missing[:MOST_NAMED]]
                more = ["..."] if len(missing) > MOST_NAMED else []
                found.append(f"no {name} image of {', '.join(names + more)}: {meaning}")
        return found

    def fingerprint(self) -> str:
        """Return 12 hexadecimal digits that identify pixels, labels and splits.

        For images in files, they identify names, sizes and some contents instead of all pixels.
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
        """Return the facts about the data that a study records, as plain data."""
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
    """Return the first difference between two lists of class names in words."""
    pairs = zip_longest(before, now)
    old, new = next((shown(old), shown(new)) for old, new in pairs if old != new)
    return f"other names of classes ({old} instead of {new})"


@dataclass(frozen=True)
class HeldOutData:
    """The test split, for certification only."""

    name: str
    classes: tuple[str, ...]
    test: Split
