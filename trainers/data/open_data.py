"""From a ``[data]`` section to batches on a device, stored where they fit."""

from __future__ import annotations

import torch

from trainers.data.config import DataConfig
from trainers.data.device_data import DeviceData, ResidentData
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData
from trainers.data.streamed_data import StreamedData

GPU_SHARE = 0.5
"""Fraction of a GPU's free memory for images. Larger sets are streamed."""


def open_data(
    config: DataConfig, device: torch.device, memory_share: float = 1.0, device_share: float = 1.0
) -> DeviceData:
    """Return the images of a search for trainings on ``device``.

    Args:
        config: The ``[data]`` section.
        device: The device of the trainings.
        memory_share: Fraction of the machine's free memory that belongs to this process.
        device_share: Fraction of the GPU's free memory that belongs to this process.

    Raises:
        InvalidInputError: As ``load_search_data``.
    """
    data = load_search_data(config, memory_share)
    if _fits(data, config, device, device_share):
        return ResidentData(data, device)
    return StreamedData(data, device, config.reader_threads)


def _fits(data: SearchData, config: DataConfig, device: torch.device, share: float) -> bool:
    """Return whether all images fit on the device. On a CPU, images in memory do."""
    if data.is_stored:
        return False
    if device.type != "cuda":
        return True
    room = GPU_SHARE * share * torch.cuda.mem_get_info(device)[0]
    if config.memory_gib is not None:
        room = min(room, config.memory_gib * 2**30)
    return data.train.images.nbytes + data.val.images.nbytes <= room
