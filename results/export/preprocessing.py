"""The input format of a network, as every format of an export states it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from space.networks.weights_file import Trained

COLOURS = {1: "grey", 3: "RGB"}
RESIZE = "upright by EXIF, transparency on white, scaled to cover the size (bilinear), cropped at the centre"
"""The conversion of image files, as in training."""


@dataclass(frozen=True)
class Preprocessing:
    """What becomes of an image before the network, and the names of its outputs.

    Attributes:
        image_size: Height and width in pixels.
        channels: Number of channels.
        colour: Order of the channels: ``grey``, ``RGB``, or ``as in the arrays`` for other numbers.
        layout: Order of the dimensions of a batch.
        dtype: Type of the pixels.
        pixels: Range of the pixels. Files and arrays with values from 0 to 255 are divided by 255.
        mean: Subtracted from each channel, by the network itself.
        std: Divisor of each channel, by the network itself.
        normalised_by: Who applies ``mean`` and ``std``: always the network.
        resize: The conversion of image files.
        classes: Names of the classes, in the order of the logits.
    """

    image_size: tuple[int, int]
    channels: int
    colour: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...]
    layout: str = "N C H W"
    dtype: str = "float32"
    pixels: str = "0..1"
    normalised_by: str = "network"
    resize: str = RESIZE

    @classmethod
    def of(cls, trained: Trained) -> Preprocessing:
        """Return the input format of a trained network."""
        channels = len(trained.mean)
        return cls(
            image_size=trained.image_size,
            channels=channels,
            colour=COLOURS.get(channels, "as in the arrays"),
            mean=trained.mean,
            std=trained.std,
            classes=trained.classes,
        )

    def facts(self) -> dict[str, Any]:
        """Return the attributes as plain data."""
        return asdict(self)
