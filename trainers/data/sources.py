"""Image sources by name: digits, NumPy archives, folders and the data sets of torchvision."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from space.core.errors import InvalidInputError, shortened, shown
from space.core.system_errors import explain_system_error
from trainers.data.arrays import Notes, labels_of, pixels_of, shape_text
from trainers.data.image_folder import load_image_folder
from trainers.data.raw_images import Pair, RawImages, SourceOptions
from trainers.data.torchvision_sources import KNOWN_SETS, load_known_set


def load_digits(path: str, _options: SourceOptions) -> RawImages:
    """Return the 1,797 handwritten digits of scikit-learn, uint8 N 8 8 1. The package contains them.

    Raises:
        InvalidInputError: ``path`` is not empty.
    """
    if path:
        raise InvalidInputError(f"the source digits takes no file, but got {shown(path)}")
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    return RawImages("digits", tuple("0123456789"), (images, bunch.target.astype(np.int64)))


def load_npz(path: str, _options: SourceOptions) -> RawImages:
    """Return the images of a NumPy archive.

    The archive needs ``x_train`` and ``y_train``. It may have ``x_val``, ``y_val``, ``x_test``, ``y_test``
    and ``classes``, the class names. Images are uint8, N H W C or N H W (grey). Labels are whole numbers
    from 0. ``trainers.data.arrays`` converts other unambiguous forms.

    Args:
        path: The archive.

    Returns:
        The parts as pairs of images (uint8 N H W C) and labels (int64 N), with a note for each conversion.

    Raises:
        InvalidInputError: The file is missing or damaged, or an array is missing or has a wrong form.
    """
    if not path:
        raise InvalidInputError("the source npz needs a file: npz:FILE")
    arrays = _read_npz(Path(path))
    notes = Notes()
    parts, first = _read_parts(path, arrays, notes)
    shape = parts["train"][0].shape[1:]
    for part, (images, _) in parts.items():
        if images.shape[1:] != shape:
            raise InvalidInputError(
                f"{path}: x_{part} has images of {shape_text(images.shape[1:])}, "
                f"but x_train of {shape_text(shape)}"
            )
    classes = _class_names(path, arrays.get("classes"), parts, first)
    train, val, test = parts["train"], parts.get("val"), parts.get("test")
    return RawImages(Path(path).stem, classes, train, val, test, notes=notes.texts())


SOURCES: dict[str, Callable[[str, SourceOptions], RawImages]] = {
    "digits": load_digits,
    "npz": load_npz,
    "imagefolder": load_image_folder,
    **{name: partial(load_known_set, name) for name in KNOWN_SETS},
}
"""All sources by name: the text before the colon in ``data.source``."""


NPZ_ARRAYS = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test", "classes")
"""Names of the arrays that are loaded from an archive. Other arrays are ignored."""
MAGIC_NPY = b"\x93NUMPY"
LEAST_LARGE = 2**20
"""Bytes of an array. From this size on, a MemoryError means low memory; below it, a damaged header."""
MOST_LISTED = 20


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        if path.is_dir():
            raise InvalidInputError(
                f"{path} is a folder, but npz needs a file; did you mean 'imagefolder:{path}'?"
            )
        if not path.is_file():
            raise InvalidInputError(
                f"there is no file {shortened(str(path))}; --data npz:FILE tells where the images are"
            )
        # opened here: numpy does not close its own file if the archive is damaged
        with path.open("rb") as file:
            _check_kind(file, path)
            return _read_arrays(file, path)
    except OSError as error:
        reason = explain_system_error(error)
        raise InvalidInputError(f"{shortened(str(path))} cannot be read: {reason}") from None


def _check_kind(file: BinaryIO, path: Path) -> None:
    """Refuse a file if its first bytes are neither those of an archive nor those of an array."""
    begins = file.read(len(MAGIC_NPY))
    file.seek(0)
    if not begins.startswith(b"PK") and begins != MAGIC_NPY:
        raise InvalidInputError(
            f"{path} is no .npz file, whatever its name says; numpy.savez(FILE, x_train=..., y_train=...) "
            "writes one"
        )


def _read_arrays(file: BinaryIO, path: Path) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    name = ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            archive = np.load(file, allow_pickle=False)
            if isinstance(archive, np.ndarray):
                raise InvalidInputError(
                    f"{path} holds a single array; numpy.savez(FILE, x_train=..., ...) saves several"
                )
            _check_names(path, archive.files)
            for name in [name for name in archive.files if name in NPZ_ARRAYS]:
                arrays[name] = archive[name]
                if not isinstance(arrays[name], np.ndarray):  # numpy returns other members as bytes
                    raise InvalidInputError(f"{path} is damaged: {name} is not a NumPy array")
            return arrays
    except InvalidInputError:
        raise
    # damaged archives: zipfile, zlib, and the parsers of numpy and Python raise nearly any exception
    except Exception as error:
        if isinstance(error, ValueError) and "pickle" in str(error):
            raise InvalidInputError(
                f"{path} holds Python objects or is no .npz file; they are never loaded: "
                "save plain arrays (uint8 images, integer labels, text classes)"
            ) from None
        if isinstance(error, MemoryError) and (size := _size_of(file, name)) >= LEAST_LARGE:
            raise InvalidInputError(
                f"{path}: memory does not suffice for {name}, which takes {size / 2**20:,.0f} MiB: end other "
                "programs, save smaller images, or bring them as imagefolder, which is read while training"
            ) from None
        reason = shortened(str(error)) or type(error).__name__
        raise InvalidInputError(f"{path} is damaged or not an .npz file ({reason})") from None


def _check_names(path: Path, names: list[str]) -> None:
    for needed in ("x_train", "y_train"):
        if needed not in names:
            found = shortened(", ".join(sorted(names)[:MOST_LISTED])) or "nothing"
            raise InvalidInputError(
                f"{path} has no array {needed} (it has {found}); x_train and y_train are needed"
            )


def _size_of(file: BinaryIO, name: str) -> int:
    """Return the bytes of an array by the archive's directory. A damaged header may claim any size."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.getinfo(f"{name}.npy").file_size
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return 0


def _read_parts(path: str, arrays: dict[str, NDArray[Any]], notes: Notes) -> tuple[dict[str, Pair], int]:
    """Return the parts, and the label of the file that became 0."""
    parts = [part for part in ("train", "val", "test") if f"x_{part}" in arrays or f"y_{part}" in arrays]
    for part in parts:
        if f"x_{part}" not in arrays or f"y_{part}" not in arrays:
            have, lack = ("x", "y") if f"x_{part}" in arrays else ("y", "x")
            raise InvalidInputError(f"{path} has {have}_{part} but no {lack}_{part}; both are needed")
    images = pixels_of(path, {f"x_{part}": arrays[f"x_{part}"] for part in parts}, notes)
    labels, first = labels_of(
        path, {f"y_{part}": arrays[f"y_{part}"] for part in parts}, arrays.get("classes"), notes
    )
    pairs = {part: (images[f"x_{part}"], labels[f"y_{part}"]) for part in parts}
    for part, (pixels, own) in pairs.items():
        if len(pixels) != len(own):
            raise InvalidInputError(
                f"{path}: x_{part} and y_{part} must be equally long, but got {len(pixels)} and {len(own)}"
            )
        if not len(pixels):
            raise InvalidInputError(f"{path}: x_{part} is empty")
    return dict(pairs), first


def _class_names(
    path: str, names: NDArray[Any] | None, parts: dict[str, Pair], first: int
) -> tuple[str, ...]:
    largest = max(int(labels.max()) for _, labels in parts.values())
    if names is None:
        present = np.unique(parts["train"][1])
        skipped = np.flatnonzero(present != np.arange(len(present)))
        absent = int(skipped[0]) if len(skipped) else len(present)
        if absent <= largest:
            raise InvalidInputError(
                f"{path}: labels must run from 0 to K - 1, but the largest is {largest} and y_train has no "
                f"{absent}; renumber them, or name all classes in an array 'classes'"
            )
        return tuple(str(label + first) for label in range(largest + 1))
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise InvalidInputError(
            f"{path}: classes must be a list of names, but got {names.dtype} {shape_text(names.shape)}"
        )
    if largest >= len(names):
        raise InvalidInputError(
            f"{path}: labels must be below {len(names)}, the number of names in classes, but got {largest}"
        )
    try:
        texts = [name.decode() if isinstance(name, bytes) else name for name in names.tolist()]
        "".join(texts).encode()
    except (ValueError, SystemError):  # SystemError: a code point exceeds the Unicode range
        raise InvalidInputError(f"{path}: classes must be names in UTF-8 text, but they are not") from None
    labels: dict[str, int] = {}
    for label, text in enumerate(texts):
        if not text.strip():
            raise InvalidInputError(f"{path}: classes must have names, but that of label {label} is empty")
        if (other := labels.setdefault(text, label)) != label:
            raise InvalidInputError(
                f"{path}: classes must have different names, but the labels {other} and {label} are both "
                f"{shown(text)}"
            )
    return tuple(texts)
