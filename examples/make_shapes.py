"""Small pictures of discs, squares and crosses, as an example of one's own images: a file or folders."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 12
CLASSES = ("disc", "square", "cross")


def draw(kind: int, rng: np.random.Generator) -> np.ndarray:
    """Return one picture, uint8 H W C with three channels."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    y, x = rows - rng.uniform(4, SIZE - 5), columns - rng.uniform(4, SIZE - 5)
    radius = rng.uniform(2, 4)
    inside = (
        np.hypot(x, y) < radius,
        np.maximum(abs(x), abs(y)) < radius,
        (np.minimum(abs(x), abs(y)) < 1) & (np.maximum(abs(x), abs(y)) < radius + 1),
    )[kind]
    paint, ground = rng.integers(60, 256, 3), rng.integers(0, 120, 3)
    picture = np.where(inside[..., None], paint, ground) + rng.normal(0, 25, (SIZE, SIZE, 3))
    return picture.clip(0, 255).astype(np.uint8)


def main() -> None:
    """Draw 900 pictures into what the command line names, or shapes.npz: a .npz file, or a folder to make."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, len(CLASSES), 900)
    pictures = np.stack([draw(label, rng) for label in labels])
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "shapes.npz")
    if path.suffix == ".npz":
        np.savez(path, x_train=pictures, y_train=labels, classes=np.array(CLASSES))
    else:
        for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
            (path / CLASSES[label]).mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path / CLASSES[label] / f"{number}.png")
    print(f"{path}: {len(labels)} pictures of {', '.join(CLASSES)}")


if __name__ == "__main__":
    main()
