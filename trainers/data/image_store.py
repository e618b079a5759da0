"""Images in files, decoded on access, for data sets larger than memory."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.data.folder_names import composed
from trainers.data.image_files import ImageForm, read_pixels

MOST_READ = 512
"""Largest number of files with content in a signature. Larger sets are sampled evenly."""
END_BYTES = 2**15
"""Bytes of the beginning, and of the end, of each sampled file."""

Rows = slice | NDArray[np.int64]


@dataclass(frozen=True)
class StoredImages:
    """Images in files. Slices and rows index them like an array uint8 N H W C."""

    paths: tuple[Path, ...]
    form: ImageForm

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """N, H, W, C."""
        return (len(self.paths), *self.form.size, self.form.channels)

    @property
    def nbytes(self) -> int:
        """Bytes of all images as an array."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, rows: Rows) -> NDArray[np.uint8]:
        """Return the images of ``rows`` as an array uint8 N H W C.

        Raises:
            InvalidInputError: A file is damaged or cannot be read.
        """
        chosen = self.take(rows).paths
        images = np.empty((len(chosen), *self.shape[1:]), dtype=np.uint8)
        for row, path in enumerate(chosen):
            images[row] = read_pixels(path, self.form)
        return images

    def take(self, rows: Rows) -> StoredImages:
        """Return the images of ``rows`` without decoding them."""
        paths = self.paths[rows] if isinstance(rows, slice) else tuple(self.paths[row] for row in rows)
        return StoredImages(paths, self.form)


Images = NDArray[np.uint8] | StoredImages
"""Images uint8 N H W C, in memory or in files."""


def taken(images: Images, rows: NDArray[np.int64]) -> Images:
    """Return the images of ``rows`` without decoding stored images."""
    return images.take(rows) if isinstance(images, StoredImages) else images[rows]


def signature_of_files(paths: Sequence[Path], form: ImageForm) -> str:
    """Return a SHA-256 hash of the form, the files and a sample of their contents.

    Each file contributes its name, its folder and its size. New files may have the sizes of old ones.
    Therefore up to ``MOST_READ`` files, evenly spread, also contribute their beginnings and ends.

    Raises:
        OSError: A file cannot be read.
    """
    digest = hashlib.sha256(repr(form).encode())
    step = math.ceil(len(paths) / MOST_READ) or 1
    for place, path in enumerate(paths):
        size = path.stat().st_size
        digest.update(repr((composed(path.parent.name), composed(path.name), size)).encode())
        if place % step == 0:
            with path.open("rb") as file:
                digest.update(file.read(END_BYTES))
                file.seek(max(END_BYTES, size - END_BYTES))
                digest.update(file.read(END_BYTES))
    return digest.hexdigest()


def decoded(paths: Sequence[Path], form: ImageForm, most_bytes: float) -> Images:
    """Return the images as an array uint8 N H W C if they fit, otherwise as stored images.

    Args:
        paths: The image files.
        form: The common form of the images.
        most_bytes: Largest size of the array in bytes.

    Raises:
        InvalidInputError: A file is damaged or cannot be read. Stored images raise it on access.
    """
    stored = StoredImages(tuple(paths), form)
    return stored[:] if stored.nbytes <= most_bytes else stored
