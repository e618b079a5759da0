"""The images of a worker, on its device, in every size that its jobs ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainers.data.device_data import DeviceData

MOST_SIZES = 4
"""Sizes that a worker keeps besides the study's own; the one that was loaded first is dropped."""


class SizedImages:
    """The images of a study. They are loaded once for each size, from the files.

    Args:
        data: The images in the size of the study.
        load: Returns the images with another height and width in pixels.
    """

    def __init__(self, data: DeviceData, load: Callable[[int], DeviceData]) -> None:
        self._data = data
        self._load = load
        self._sized: dict[int, DeviceData] = {}

    def of(self, side: int | None) -> DeviceData:
        """Return the images with this height and width; None for the size of the study.

        Raises:
            InvalidInputError: The files cannot be read.
        """
        if side is None:
            return self._data
        if side not in self._sized:
            while len(self._sized) >= MOST_SIZES:
                del self._sized[next(iter(self._sized))]
            self._sized[side] = self._load(side)
        return self._sized[side]
