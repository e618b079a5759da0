"""Photographs in folders, of different sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def write_photos(folder: Path, count: int = 20) -> None:
    """Write photographs of two classes, dark and bright, into ``photos``."""
    rng = np.random.default_rng(0)
    for name, offset in (("dark", 0), ("bright", 120)):
        (folder / "photos" / name).mkdir(parents=True)
        for index in range(count):
            size = (40 + index, 60, 3)
            pixels = (rng.integers(0, 100, size) + offset).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{index}.png")
