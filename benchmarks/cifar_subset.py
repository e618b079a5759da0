"""A part of CIFAR-10 for machines without a GPU: ``python -m benchmarks.cifar_subset FILE.npz OUT.npz --train 22000``.

Keeps the first images of each class, as many of each, and all test images. With ``--halve``, images are averaged to
16 x 16 pixels.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.cifar16 import halved


def first_of_each_class(labels: NDArray[np.integer], count: int) -> NDArray[np.intp]:
    """Return the rows of the first ``count`` images, the same number of each class, in their order."""
    classes = np.unique(labels)
    return np.sort(
        np.concatenate([np.flatnonzero(labels == one)[: count // len(classes)] for one in classes])
    )


def main(options: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="with x_train, y_train, x_test, y_test and classes")
    parser.add_argument("out", type=Path, help="the archive to write")
    parser.add_argument("--train", type=int, default=22_000, help="images to train and validate on")
    parser.add_argument("--halve", action="store_true", help="average 2 x 2 pixels")
    arguments = parser.parse_args(options)
    with np.load(arguments.file) as file:
        arrays = {name: file[name] for name in file.files}
    rows = first_of_each_class(arrays["y_train"], arguments.train)
    arrays |= {name: arrays[name][rows] for name in ("x_train", "y_train")}
    if arguments.halve:
        arrays |= {name: halved(arrays[name]) for name in ("x_train", "x_test")}
    np.savez(arguments.out, **arrays)
    print(f"{arguments.out}: {len(rows):,} images to train on, {len(arrays['y_test']):,} to test on")


if __name__ == "__main__":
    main()
