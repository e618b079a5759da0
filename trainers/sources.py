"""Where images come from. Each source returns arrays as they are; splitting is done elsewhere."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from space.errors import InvalidInputError, shortened, shown
from space.system_errors import explain_system_error
from trainers.image_folder import load_image_folder
from trainers.raw_images import Pair, RawImages, SourceOptions
from trainers.torchvision_sources import KNOWN_SETS, load_known_set


def load_digits(path: str, _options: SourceOptions) -> RawImages:
    """Return scikit-learn's 1,797 handwritten digits, 8x8 pixels, grey; they come with that package."""
    if path:
        raise InvalidInputError(f"the source digits takes no file, but got {shown(path)}")
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    return RawImages("digits", tuple("0123456789"), (images, bunch.target.astype(np.int64)))


def load_npz(path: str, _options: SourceOptions) -> RawImages:
    """Return the images of a NumPy archive: ``x_train``, ``y_train``, and what it has of val and test.

    Images are uint8, N H W C or N H W (grey); labels whole numbers from 0. An array
    ``classes`` may name them.

    Raises:
        InvalidInputError: the file is missing or damaged, an array is missing or of a wrong form.
    """
    if not path:
        raise InvalidInputError("the source npz needs a file: npz:FILE")
    arrays = _read_npz(Path(path))
    parts: dict[str, Pair] = {}
    for part in ("train", "val", "test"):
        if f"x_{part}" in arrays or f"y_{part}" in arrays:
            parts[part] = _read_part(path, arrays, part)
    shape = parts["train"][0].shape[1:]
    for part, (images, _) in parts.items():
        if images.shape[1:] != shape:
            raise InvalidInputError(
                f"{path}: x_{part} has images of {_text(images.shape[1:])}, but x_train of {_text(shape)}"
            )
    classes = _class_names(path, arrays.get("classes"), parts)
    return RawImages(Path(path).stem, classes, parts["train"], parts.get("val"), parts.get("test"))


SOURCES: dict[str, Callable[[str, SourceOptions], RawImages]] = {
    "digits": load_digits,
    "npz": load_npz,
    "imagefolder": load_image_folder,
    **{name: partial(load_known_set, name) for name in KNOWN_SETS},
}
"""Every source by the name that stands before the colon in ``data.source``."""


NPZ_ARRAYS = ("x_train", "y_train", "x_val", "y_val", "x_test", "y_test", "classes")
"""What an archive may hold; other arrays in it are left alone."""
MAGIC_NPY = b"\x93NUMPY"
LEAST_LARGE = 2**20
"""Bytes of an array from which on it is memory that lacks, and not a header that is damaged."""
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
        # opened here, since numpy leaves a file of its own open where an archive is damaged
        with path.open("rb") as file:
            _check_kind(file, path)
            return _read_arrays(file, path)
    except OSError as error:
        reason = explain_system_error(error)
        raise InvalidInputError(f"{shortened(str(path))} cannot be read: {reason}") from None


def _check_kind(file: BinaryIO, path: Path) -> None:
    """Refuse what does not begin as an archive does, or as arrays, which numpy tells apart."""
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
                if not isinstance(arrays[name], np.ndarray):  # numpy hands out what is no array as bytes
                    raise InvalidInputError(f"{path} is damaged: {name} is not a NumPy array")
            return arrays
    except InvalidInputError:
        raise
    # a damaged archive makes zipfile, zlib, numpy's header parser and Python's own raise nearly anything
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
    """Return the bytes that an array takes by what the archive says; a header alone may say anything."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.getinfo(f"{name}.npy").file_size
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return 0


def _read_part(path: str, arrays: dict[str, NDArray[Any]], part: str) -> Pair:
    if f"x_{part}" not in arrays or f"y_{part}" not in arrays:
        have, lack = ("x", "y") if f"x_{part}" in arrays else ("y", "x")
        raise InvalidInputError(f"{path} has {have}_{part} but no {lack}_{part}; both are needed")
    images = _check_images(path, f"x_{part}", arrays[f"x_{part}"])
    labels = _check_labels(path, f"y_{part}", arrays[f"y_{part}"])
    if len(images) != len(labels):
        raise InvalidInputError(
            f"{path}: x_{part} and y_{part} must be equally long, but got {len(images)} and {len(labels)}"
        )
    if not len(images):
        raise InvalidInputError(f"{path}: x_{part} is empty")
    return images, labels


def _check_images(path: str, name: str, images: NDArray[Any]) -> NDArray[np.uint8]:
    if images.dtype != np.uint8:
        raise InvalidInputError(
            f"{path}: {name} must be uint8 with pixels from 0 to 255, but got {images.dtype}; "
            "scale it to that range and save it with .astype('uint8')"
        )
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise InvalidInputError(f"{path}: {name} must be N H W C or N H W, but got {_text(images.shape)}")
    if images.ndim == 4 and images.shape[1] in (1, 3) and images.shape[3] > 4:
        raise InvalidInputError(
            f"{path}: {name} is {_text(images.shape)}, which looks like N C H W; "
            "N H W C is needed: save it with .transpose(0, 2, 3, 1)"
        )
    return images[..., None] if images.ndim == 3 else images


def _check_labels(path: str, name: str, labels: NDArray[Any]) -> NDArray[np.int64]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise InvalidInputError(f"{path}: {name} must be a list of N labels, but got {_text(labels.shape)}")
    if labels.dtype.kind not in "iu":
        raise InvalidInputError(f"{path}: {name} must be whole numbers from 0, but got {labels.dtype}")
    for worst in (labels.min(), labels.max()) if len(labels) else ():
        if not 0 <= int(worst) < 2**63:
            raise InvalidInputError(f"{path}: {name} must be whole numbers from 0, but got {worst}")
    return labels.astype(np.int64)


def _class_names(path: str, names: NDArray[Any] | None, parts: dict[str, Pair]) -> tuple[str, ...]:
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
        return tuple(str(label) for label in range(largest + 1))
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise InvalidInputError(
            f"{path}: classes must be a list of names, but got {names.dtype} {_text(names.shape)}"
        )
    if largest >= len(names):
        raise InvalidInputError(
            f"{path}: labels must be below {len(names)}, the number of names in classes, but got {largest}"
        )
    try:
        texts = [name.decode() if isinstance(name, bytes) else name for name in names.tolist()]
        "".join(texts).encode()
    except (ValueError, SystemError):  # the latter where a code point is beyond Unicode's last
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


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape) or "a single number"
