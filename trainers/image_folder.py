"""Images of one's own in folders, a folder for each class: ``imagefolder:PATH``."""

from __future__ import annotations

import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.errors import InvalidInputError, reason_of, shortened
from trainers.raw_images import Pair, RawImages, SourceOptions

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
GREY_MODES = ("1", "L", "LA", "I", "F")
EXIF_ORIENTATION = 0x0112
"""From 5 on, height and width of an image as stored change places when it is turned upright."""
DEFAULT_SIZE = 64
"""Pixels of a side where images of different sizes have to become one and the study does not say which."""
MOST_BYTES = 4 * 2**30


def load_image_folder(path: str, options: SourceOptions) -> RawImages:
    """Return the images below a folder: ``train/CLASS/*``, ``val/`` and ``test/`` beside it, or ``CLASS/*``.

    All images become one size: ``options.image_size``, or their own where they all have the same and it is
    at most 256 pixels, or 64 x 64. They are scaled until they cover it, and what reaches over is cut off on
    both sides alike. They are grey if all of them are, else RGB. Of 16 bits the upper 8 are kept.

    Raises:
        InvalidInputError: the folder is missing, has another form, or holds a file that is no image.
    """
    if not path:
        raise InvalidInputError("the source imagefolder needs a folder: imagefolder:PATH")
    root = Path(path)
    if not root.is_dir():
        raise InvalidInputError(f"there is no folder {root}; give the path of one: imagefolder:PATH")
    folders = {part: root / part for part in ("train", "val", "test") if (root / part).is_dir()}
    if folders and "train" not in folders:
        raise InvalidInputError(f"{root} has {next(iter(folders))}/ but no train/; the latter is needed")
    folders = folders or {"train": root}
    files = {part: _files(folder) for part, folder in folders.items()}
    classes = tuple(files["train"])
    for part, found in files.items():
        if unknown := [name for name in found if name not in classes]:
            raise InvalidInputError(
                f"{folders[part]} has a class {unknown[0]!r}, which {folders['train']} has not"
            )
    paths = [file for found in files.values() for listed in found.values() for file in listed]
    size, mode = _common_form(paths, options.image_size)
    channels = 1 if mode == "L" else 3
    needed = len(paths) * size[0] * size[1] * channels
    if needed > MOST_BYTES:
        raise InvalidInputError(
            f"{len(paths):,} images of {size[0]} x {size[1]} from {root} take {needed / 2**30:.1f} GiB; "
            "set data.image_size to less"
        )
    parts = {part: _decode(found, classes, size, mode) for part, found in files.items()}
    return RawImages(root.name, classes, parts["train"], parts.get("val"), parts.get("test"))


def _files(folder: Path) -> dict[str, list[Path]]:
    """Return the image files of each class, both in the order of their names."""
    found: dict[str, list[Path]] = {}
    for child in sorted(folder.iterdir()):
        if child.is_dir() and not child.name.startswith("."):
            listed = sorted(f for f in child.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
            if listed:
                found[_checked_name(child)] = listed
    if not found:
        raise InvalidInputError(
            f"{folder} has no folders with images in them; one for each class is needed, "
            f"with files that end in {', '.join(SUFFIXES[:3])} and the like"
        )
    return found


def _checked_name(folder: Path) -> str:
    """Return a class's name, the folder's, which is written down as UTF-8."""
    try:
        folder.name.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(f"the folder's name {str(folder)!a} is not UTF-8 text; rename it") from None
    return folder.name


def _open(path: Path) -> Any:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(path)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInputError(f"{path} is no image that can be read: {shortened(str(error))}") from None


def _common_form(paths: list[Path], asked: tuple[int, int] | None) -> tuple[tuple[int, int], str]:
    """Return the size (H, W) that all images shall have, and their mode, looking at their headers alone."""
    sizes: Counter[tuple[int, int]] = Counter()
    is_grey = True
    for path in paths:
        with _open(path) as image:
            is_turned = _is_on_its_side(image)
            sizes[(image.width, image.height) if is_turned else (image.height, image.width)] += 1
            is_grey = is_grey and (image.mode in GREY_MODES or image.mode.startswith("I;16"))
    mode = "L" if is_grey else "RGB"
    if asked is not None:
        return asked, mode
    only = next(iter(sizes))
    if len(sizes) == 1 and max(only) <= 256:
        return only, mode
    return (DEFAULT_SIZE, DEFAULT_SIZE), mode


def _is_on_its_side(image: Any) -> bool:
    """Whether height and width change places; damaged notes of a camera say nothing."""
    if image.format not in ("JPEG", "MPO"):  # others would have to be decoded, and cameras do not write them
        return False
    with suppress(Exception):  # Pillow raises nearly anything for notes that are damaged
        return int(image.getexif().get(EXIF_ORIENTATION, 1)) >= 5
    return False


def _decode(found: dict[str, list[Path]], classes: tuple[str, ...], size: tuple[int, int], mode: str) -> Pair:
    count = sum(len(listed) for listed in found.values())
    images = np.empty((count, *size, 1 if mode == "L" else 3), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    row = 0
    for name, listed in found.items():
        for path in listed:
            images[row], labels[row] = _pixels(path, size, mode), classes.index(name)
            row += 1
    return images, labels


def _pixels(path: Path, size: tuple[int, int], mode: str) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    with _open(path) as image:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                upright = ImageOps.exif_transpose(_eight_bits(path, image)).convert(mode)
                fitted = ImageOps.fit(upright, (size[1], size[0]), Image.Resampling.BILINEAR)
        except InvalidInputError:
            raise
        except Exception as error:  # Pillow raises nearly anything for files that are damaged
            raise InvalidInputError(f"{path} is damaged: {reason_of(error)}") from None
    pixels = np.asarray(fitted, dtype=np.uint8)
    return pixels[..., None] if mode == "L" else pixels


def _eight_bits(path: Path, image: Any) -> Any:
    """Return an image whose pixels have 8 bits; of 16 bits, the upper ones are kept."""
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode == "F" or (image.mode == "I" and not 256 <= values.max() < 65536 and values.any()):
        raise InvalidInputError(
            f"{path} has pixels of 32 bits ({image.mode}), whose range nobody knows: save it with 8 or 16"
        )
    return Image.fromarray((values.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
