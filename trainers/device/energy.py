"""The energy that a GPU has used, from NVML (package ``nvidia-ml-py``)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch


class EnergyMeter:
    """Measures the energy of one GPU in joules from its creation on. It includes other programs on that GPU.

    ``before_j`` is the energy of the same training before it was resumed; None if unknown.
    """

    def __init__(self, device: torch.device) -> None:
        self._handle: Any = None
        self._began_mj = 0
        self.before_j: float | None = 0.0
        if device.type == "cuda":
            with suppress(Exception):  # no package, no driver, or a GPU without a counter
                self._handle = _handle_of(device)
                self._began_mj = self._total_mj()

    def joules(self) -> float | None:
        """Return the joules used so far; None if unavailable."""
        if self._handle is None or self.before_j is None:
            return None
        with suppress(Exception):
            return self.before_j + (self._total_mj() - self._began_mj) / 1000
        return None

    def _total_mj(self) -> int:
        import pynvml

        return int(pynvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))


def _handle_of(device: torch.device) -> Any:
    import pynvml

    pynvml.nvmlInit()
    return pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
