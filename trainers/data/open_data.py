"""From a ``[data]`` section to batches on a device, wherever the images have room."""

from __future__ import annotations

import torch

from trainers.data.config import DataConfig
from trainers.data.device_data import DeviceData, ResidentData
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData
from trainers.data.streamed_data import StreamedData

GPU_SHARE = 0.5
"""Of a GPU's free memory: images that take more stay outside of it."""


def open_data(
    config: DataConfig, device: torch.device, memory_share: float = 1.0, device_share: float = 1.0
) -> DeviceData:
    """Return the images that a search may see, for trainings on ``device``.

    ``memory_share`` of the machine's free memory and ``device_share`` of a GPU's are for this process.

    Raises:
        InvalidInputError: as ``load_search_data``.
    """
    data = load_search_data(config, memory_share)
    if _fits(data, config, device, device_share):
        return ResidentData(data, device)
    return StreamedData(data, device, config.reader_threads)


def _fits(data: SearchData, config: DataConfig, device: torch.device, share: float) -> bool:
    """Whether images that are in the machine's memory fit on the device too; on a CPU they are there."""
    if data.is_stored:
        return False
    if device.type != "cuda":
        return True
    room = GPU_SHARE * share * torch.cuda.mem_get_info(device)[0]
    if config.memory_gib is not None:
        room = min(room, config.memory_gib * 2**30)
    return data.train.images.nbytes + data.val.images.nbytes <= room
