"""The load of this machine: waiting processes, and on NVIDIA GPUs the busy share and memory."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

MIB = 2**20


def machine_load() -> dict[str, Any]:
    """Return the load of this machine.

    Returns:
        ``load``, the mean number of running and waiting processes in the last minute; ``gpus``, for each GPU
        ``busy``, the fraction of the time in which it computed, and ``memory_mib``, the memory in use. A fact
        that the system does not tell is missing; GPUs need the package nvidia-ml-py.
    """
    found: dict[str, Any] = {}
    with suppress(OSError, AttributeError):
        found["load"] = round(os.getloadavg()[0], 2)
    with suppress(Exception):  # no package, no driver
        found["gpus"] = _gpus()
    return found


def _gpus() -> list[dict[str, float]]:
    import pynvml

    pynvml.nvmlInit()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    return [
        {
            "busy": pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100,
            "memory_mib": round(pynvml.nvmlDeviceGetMemoryInfo(handle).used / MIB),
        }
        for handle in handles
    ]
