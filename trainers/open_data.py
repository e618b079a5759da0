"""From a ``[data]`` section to batches on a device, wherever the images have room."""

from __future__ import annotations

import torch

from trainers.data import DataConfig, load_search_data
from trainers.device_data import DeviceData, ResidentData


def open_data(config: DataConfig, device: torch.device) -> DeviceData:
    """Return the images that a search may see, for trainings on ``device``.

    Raises:
        InvalidInputError: as ``load_search_data``.
    """
    return ResidentData(load_search_data(config), device)
