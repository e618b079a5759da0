"""The data sets of torchvision, loaded from a folder. The first use downloads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from space.core.errors import InvalidInputError, shortened, shown
from space.core.system_errors import explain_system_error
from trainers.data.raw_images import Pair, RawImages, SourceOptions

DEFAULT_ROOT = Path("~/.cache/mgnas")


@dataclass(frozen=True)
class KnownSet:
    """A data set of ``torchvision.datasets``.

    ``class_name`` is its class there. ``place`` is the folder, or one of the files, of the set below
    torchvision's root. Height and width of the images are ``size`` pixels.
    """

    class_name: str
    place: str
    size: int
    channels: int
    classes: int


KNOWN_SETS = {
    "mnist": KnownSet("MNIST", "MNIST/raw", 28, 1, 10),
    "fashion_mnist": KnownSet("FashionMNIST", "FashionMNIST/raw", 28, 1, 10),
    "cifar10": KnownSet("CIFAR10", "cifar-10-batches-py", 32, 3, 10),
    "cifar100": KnownSet("CIFAR100", "cifar-100-python", 32, 3, 100),
    "svhn": KnownSet("SVHN", "train_32x32.mat", 32, 3, 10),
}
"""All known sets by their names in ``data.source``."""


def load_known_set(name: str, path: str, options: SourceOptions) -> RawImages:
    """Return a data set of torchvision with its own test split.

    Args:
        name: A key of ``KNOWN_SETS``.
        path: Must be empty.
        options: ``root`` is the folder of the data sets; empty: ``DEFAULT_ROOT``.

    Returns:
        Train and test parts as pairs of images (uint8 N H W C) and labels (int64 N).

    Raises:
        InvalidInputError: The set is missing under the root and cannot be downloaded, or is unreadable or
            damaged; ``path`` is not empty; or torchvision cannot be imported.
    """
    if path:
        raise InvalidInputError(
            f"the source {name} takes no file, but got {shown(path)}; --data-root says where it lies"
        )
    root = Path(options.root).expanduser() if options.root else DEFAULT_ROOT.expanduser()
    train, classes = _read(name, root, is_train=True)
    test, _ = _read(name, root, is_train=False)
    return RawImages(name, classes, train, test=test)


def _read(name: str, root: Path, *, is_train: bool) -> tuple[Pair, tuple[str, ...]]:
    known = KNOWN_SETS[name]
    data_set = _open(name, root, is_train=is_train)
    images = np.asarray(data_set.data, dtype=np.uint8)
    if known.class_name == "SVHN":
        images = images.transpose(0, 2, 3, 1)
    images = images[..., None] if images.ndim == 3 else images
    labels = data_set.labels if known.class_name == "SVHN" else data_set.targets
    names = getattr(data_set, "classes", None) or [str(label) for label in range(known.classes)]
    numbers = np.asarray(labels).astype(np.int64)
    if len(images) != len(numbers) or numbers.min(initial=0) < 0 or numbers.max(initial=0) >= known.classes:
        raise InvalidInputError(
            f"{name} under {root} is damaged: {len(images)} images have {len(numbers)} labels, which must be "
            f"from 0 to {known.classes - 1}; remove it, and it is downloaded again"
        )
    return (np.ascontiguousarray(images), numbers), tuple(str(text) for text in names)


def _open(name: str, root: Path, *, is_train: bool) -> Any:
    try:
        from torchvision import datasets
    except Exception as error:  # mismatched builds of torch and torchvision raise any type
        raise InvalidInputError(
            f"{name} needs torchvision, which cannot be imported ({_reason(error)}); install torch and "
            "torchvision anew, both from one place"
        ) from None
    known = KNOWN_SETS[name]
    part: dict[str, Any] = {"split": "train" if is_train else "test"}
    if known.class_name != "SVHN":
        part = {"train": is_train}
    make = getattr(datasets, known.class_name)
    # torchvision raises nearly any exception for missing, incomplete, damaged and unreachable sets
    try:
        return make(str(root), **part, download=False)
    except MemoryError:
        raise
    except OSError as error:
        raise InvalidInputError(
            f"{name} under {root} cannot be read: {explain_system_error(error, 'make it readable')}, or name "
            "another folder (--data-root)"
        ) from None
    except Exception as error:
        # torchvision's advice, download=True, is not an option of mgnas and stays out of the message
        if "download=True" not in str(error):  # all files exist: no second download
            raise InvalidInputError(
                f"{name} under {root} is damaged ({_reason(error)}); remove {root / known.place}, and it is "
                "downloaded again"
            ) from None
    try:
        root.mkdir(parents=True, exist_ok=True)
        return make(str(root), **part, download=True)
    except Exception as error:
        raise InvalidInputError(
            f"{name} is not under {root}, or damaged (it needs a whole {known.place}), and cannot be "
            f"downloaded ({_reason(error)}); bring torchvision's {known.place} there, or name the folder "
            "where it lies (--data-root)"
        ) from None


def _reason(error: Exception) -> str:
    return shortened(str(error)) or type(error).__name__
