"""Which networks can teach which images, from the facts of their weights. This module needs no torch."""

from __future__ import annotations

import hashlib

from space.core.errors import InvalidInputError
from space.networks.weights_file import Trained
from trainers.data.splits import SearchData

DIGEST_DIGITS = 16
SAME_IMAGES = "choose a teacher of the same images"


def weights_digest(content: bytes) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of a file of weights."""
    return hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]


def check_teacher(
    trained: Trained, data: SearchData, name: str, image_size: tuple[int, int] | None = None
) -> None:
    """Check that a network can teach these images.

    Args:
        trained: The facts of its weights.
        data: The images of the training.
        name: The teacher in the message.
        image_size: Height and width of the images in the training; default: those of ``data``.

    Raises:
        InvalidInputError: Classes, image size or channels differ.
    """
    needed = image_size or data.image_size
    if len(trained.mean) != data.in_channels:
        raise InvalidInputError(
            f"the teacher {name} is for {len(trained.mean)} channels, but {data.name} has {data.in_channels}; "
            f"{SAME_IMAGES}"
        )
    if trained.image_size != needed:
        own, wanted = ("{} x {}".format(*size) for size in (trained.image_size, needed))
        raise InvalidInputError(
            f"the teacher {name} is for images of {own} pixels, but the training has {wanted}; {SAME_IMAGES}"
        )
    if trained.classes != data.classes:
        raise InvalidInputError(
            f"the teacher {name} has other classes ({_first_difference(trained.classes, data.classes)}); "
            f"{SAME_IMAGES}"
        )


def _first_difference(own: tuple[str, ...], needed: tuple[str, ...]) -> str:
    if len(own) != len(needed):
        return f"{len(own)} instead of {len(needed)}"
    return next(f"{a!r} instead of {b!r}" for a, b in zip(own, needed, strict=True) if a != b)
