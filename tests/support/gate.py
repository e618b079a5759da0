"""Searches whose trainings wait in their second epoch: a test strikes while they surely train, on any machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import gated_family
from tests.support.studies import write_images
from tests.support.waiting import wait_until

STUDY = """
name = "tiny"
plugins = [{plugin}]

[data]
source = "npz:images.npz"
val_fraction = 0.25

[space]
family = "gated"

[space.families.gated]
width = {{ low = 2, high = 40 }}

[train]
epochs = {epochs}
batch_size = 16
lr = 0.1
optimizer = "sgd"
precision = "float32"
crop_padding = 0

[execution]
channels_last = true
micro_batch = 16

[search]
trials = {trials}
workers = {workers}
sampler = "random"
"""


class Gate:
    """Where trainings wait.

    Attributes:
        folder: The folder in which ``write_gated_study`` wrote the study.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def environment(self) -> dict[str, str]:
        """Return the environment of a search."""
        return os.environ | {gated_family.FOLDER: str(self.folder)}

    def enter(self, patch: pytest.MonkeyPatch) -> None:
        """Let searches in this process find the gate, and the clusters that it starts."""
        patch.setenv(gated_family.FOLDER, str(self.folder))

    def waiting(self) -> list[int]:
        """Return the living processes that wait."""
        files = self.folder.glob(f"{gated_family.WAITS}*")
        numbers = [int(file.name.removeprefix(gated_family.WAITS)) for file in files]
        return sorted(number for number in numbers if Path(f"/proc/{number}").exists())

    def wait_for(self, num: int, within: subprocess.Popen[Any]) -> None:
        """Wait until so many trainings of a search wait."""
        wait_until(lambda: len(self.waiting()) >= num, f"{num} trainings wait", within=within)

    def open(self) -> None:
        """Let all trainings go on, also later ones."""
        (self.folder / gated_family.GO_ON).touch()


def write_gated_study(folder: Path, *, epochs: int = 3, trials: int = 4, workers: int = 2) -> Gate:
    """Write ``tiny.toml`` and its images; an epoch has five steps."""
    write_images(folder, 96)
    text = STUDY.format(
        plugin=json.dumps(gated_family.__file__), epochs=epochs, trials=trials, workers=workers
    )
    (folder / "tiny.toml").write_text(text, encoding="utf-8")
    return Gate(folder)
