"""The images of a proof: validation images of the study, or random ones where those are not available."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from results.study import StudyReader
    from space.networks.weights_file import Trained

MOST_IMAGES, FEWEST_IMAGES = 1000, 32
"""Bounds of the number of images of a proof."""
MOST_MACS = 2e10
"""MACs of one pass over the images: about one second of a core."""
MOST_BYTES = 2**27
"""Bytes of the images."""
NUM_RANDOM = 64


@dataclass(frozen=True)
class Sample:
    """Images to compare an export with the trained network.

    Attributes:
        images: uint8 N H W C.
        labels: int64 N; None for random images.
        origin: What the images are, as a noun phrase.
        note: Why they are not the validation images; empty if they are.
        calibration: Training images, uint8 N H W C, those of ``calibration_rows``; None if they are not available.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    origin: str
    note: str = ""
    calibration: NDArray[np.uint8] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def accuracy(self, logits: NDArray[Any]) -> float | None:
        """Return the share of correct predictions of logits N K; None without labels."""
        if self.labels is None:
            return None
        return float((logits.argmax(axis=1) == self.labels).mean())


SampleLoader = Callable[["StudyReader", int, tuple[int, int]], Sample]
"""Returns at most so many validation images of a study, of this height and width in pixels.

It raises InvalidInputError if they are not available.
"""


def num_images(trained: Trained) -> int:
    """Return the number of images of a proof: fewer for networks with many MACs, and for large images."""
    spec, size = trained.network_spec(), trained.image_size
    by_work = int(MOST_MACS // max(1, spec.macs(size)))
    by_size = MOST_BYTES // (size[0] * size[1] * spec.in_channels)
    return min(MOST_IMAGES, by_size, max(FEWEST_IMAGES, by_work)) or 1


def random_sample(trained: Trained, note: str) -> Sample:
    """Return random images, always the same; ``note`` says why."""
    shape = (min(NUM_RANDOM, num_images(trained)), *trained.image_size, len(trained.mean))
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Sample(images, None, "random images", note)
