"""The search of a soak: a study of tiny networks in a folder, whose command runs again and again."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

STUDY = """
name = "soak"
data = {{ source = "npz:images.npz", val_fraction = 0.25 }}
train = {{ epochs = 3, batch_size = 32, lr = 0.1, optimizer = "sgd", precision = "float32" }}
execution = {{ channels_last = true }}

[space]
levels = [1, 2]
nu = {{ low = 1, high = 3 }}
c_u = {{ low = 2, high = 9 }}
c_f = {{ low = 2, high = 9 }}
share_b = ["level", "iteration"]

[search]
trials = {trials}
workers = {workers}
sampler = "{sampler}"
scheduler = "{scheduler}"
storage = "{storage}"
executor = "{executor}"
"""
TEMPORARY = "t"
"""The folder for temporary files, with a short name: Ray's sockets have long ones."""


@dataclass(frozen=True)
class Searched:
    """What is searched, and how.

    Attributes:
        trials: The number of trials.
        storage: ``sqlite``, or the URL of a PostgreSQL database.
        executor: ``local`` or ``ray``.
        workers: The number of workers.
        sampler: The sampler.
        scheduler: The scheduler.
    """

    trials: int
    storage: str = "sqlite"
    executor: str = "local"
    workers: int = 2
    sampler: str = "random"
    scheduler: str = "asha"


class SoakFolder:
    """The files of a soak.

    Args:
        home: The current folder of the search.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.study = home / "runs" / "soak"
        self.temporary = home / TEMPORARY
        self.log = home / "soak.jsonl"
        self.stderr = home / "stderr.txt"

    def write(self, searched: Searched) -> None:
        """Write the images and the study file; a soak that goes on keeps its images."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        if not (self.home / "images.npz").exists():
            _write_images(self.home / "images.npz")
        (self.home / "soak.toml").write_text(STUDY.format(**vars(searched)), encoding="utf-8")

    def temporary_files(self) -> list[str]:
        """Return the temporary files, without the cache of a Ray node, which stays."""
        cache = f"mgnas-{os.getuid()}"
        return sorted(file.name for file in self.temporary.iterdir() if file.name != cache)

    def start(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        """Start the driver in a session of its own."""
        with self.stderr.open("wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "mgnas", "search", "soak.toml"],
                cwd=self.home,
                env=environment,
                stdout=stderr,
                stderr=stderr,
                start_new_session=True,
            )


def _write_images(file: Path, num: int = 320) -> None:
    """Write two classes of noisy stripes, 6 x 7 pixels, grey."""
    rng = np.random.default_rng(0)
    y = np.arange(num) % 2
    x = rng.integers(0, 150, (num, 6, 7))
    x[y == 0, ::2] += 100
    x[y == 1, :, ::2] += 100
    np.savez(file, x_train=x.astype(np.uint8), y_train=y, classes=np.array(("0", "1")))
