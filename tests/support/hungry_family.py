"""A plugin for tests: networks that run out of memory, always or only beside other trainings.

A network holds a shared lock on a file while it exists: memory of the device. The file is in the folder that the
environment variable ``HUNGRY_FOLDER`` names.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from mgnas import Count, Spec, register_family

FOLDER = "HUNGRY_FOLDER"
SHY, GREEDY, WAITING, PAIRED = 1, 2, 3, 4
"""Appetites: fits alone; fits never; fits, and waits for ``go_on`` in the folder; fits alone, and waits for a pair."""


class HungrySpec(Spec):
    family: Literal["hungry"] = "hungry"
    appetite: Count
    width: Count


class Memory:
    """A shared lock on the file; it ends with this object."""

    def __init__(self) -> None:
        self._file = os.open(Path(os.environ[FOLDER]) / "memory", os.O_RDWR | os.O_CREAT)
        fcntl.flock(self._file, fcntl.LOCK_SH)

    def is_all_mine(self) -> bool:
        """Return whether no other network has the lock."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            fcntl.flock(self._file, fcntl.LOCK_SH)
        return True

    def __del__(self) -> None:
        os.close(self._file)


class Hungry(nn.Module):
    def __init__(self, spec: HungrySpec) -> None:
        super().__init__()
        self.appetite = spec.appetite
        self.body = nn.Sequential(
            nn.Conv2d(spec.in_channels, spec.width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.head = nn.Linear(spec.width, spec.num_classes)
        self._memory = Memory()

    def forward(self, images: Tensor) -> Tensor:
        if self.training and not images.is_meta:  # not where its operations are counted
            self._eat()
        logits: Tensor = self.head(self.body(images))
        return logits

    def _eat(self) -> None:
        if self.appetite == GREEDY:
            raise MemoryError("never enough")
        folder = Path(os.environ[FOLDER])
        if self.appetite == PAIRED:
            (folder / f"process-{os.getpid()}").touch()
            while len(list(folder.glob("process-*"))) < 2:
                time.sleep(0.01)
        if self.appetite in (SHY, PAIRED) and not self._memory.is_all_mine():
            raise MemoryError("not enough beside others")
        if self.appetite == WAITING:
            (folder / "waits").touch()
            while not (folder / "go_on").exists():
                time.sleep(0.01)


if __name__.startswith("mgnas_plugin_"):  # not where a test imports the names
    register_family(HungrySpec, Hungry)
