"""A family whose trainings wait after their first epoch until a test lets them go on.

This file is the plugin of studies that ``tests.support.gate`` writes. Their epochs have fewer than ``FREE_STEPS``
steps.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from mgnas import Count, Spec, register_family

FOLDER = "GATE_FOLDER"
GO_ON = "go_on"
WAITS = "waits-"
"""The files of the folder: one lets trainings go on; each process that waits writes one that ends with its number."""
FREE_STEPS = 8


class GatedSpec(Spec):
    family: Literal["gated"] = "gated"
    width: Count


class Gated(nn.Module):
    def __init__(self, spec: GatedSpec) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(spec.in_channels, spec.width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.head = nn.Linear(spec.width, spec.num_classes)
        self._num_steps = 0

    def forward(self, images: Tensor) -> Tensor:
        if self.training and not images.is_meta:  # not where its operations are counted
            self._step()
        logits: Tensor = self.head(self.body(images))
        return logits

    def _step(self) -> None:
        self._num_steps += 1
        folder = Path(os.environ[FOLDER])
        if self._num_steps <= FREE_STEPS or (folder / GO_ON).exists():
            return
        (folder / f"{WAITS}{os.getpid()}").touch()
        while not (folder / GO_ON).exists():
            time.sleep(0.01)


if __name__.startswith("mgnas_plugin_"):  # not where a test imports the names
    register_family(GatedSpec, Gated)
