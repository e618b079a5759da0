"""Conversion of arrays to one form: images uint8 N H W C, labels int64 from 0 to K - 1.

Unambiguous forms are converted with a note. Ambiguous forms raise InvalidInputError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.core.errors import InvalidInputError

MOST_PLAIN_CHANNELS = 4
"""Most channels of an ordinary image: grey, grey and alpha, colour, or colour and alpha."""
MOST_CHANNELS = 16
"""Most channels of a multispectral image (satellites). Longer axes count as pixels."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass
class Notes:
    """The conversions, and the arrays of each."""

    arrays: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, conversion: str) -> None:
        """Record a conversion of the array ``name``."""
        self.arrays.setdefault(conversion, []).append(name)

    def texts(self) -> tuple[str, ...]:
        """Return one sentence for each conversion."""
        return tuple(f"{' and '.join(names)}: {text}" for text, names in self.arrays.items())


def pixels_of(place: str, images: Arrays, notes: Notes) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of images by name, as uint8 N H W C.

    Floating-point numbers from 0 to 1, whole numbers from 0 to 255 of any type, and booleans become uint8.
    N C H W becomes N H W C if the shape is unambiguous. N H W becomes N H W 1.

    Args:
        place: The file, for messages.
        images: The arrays by name. All floating-point arrays share one range.
        notes: Receives the conversions.

    Raises:
        InvalidInputError: The range, the type or the shape is another one, or numbers are not finite.
    """
    scale = _scale_of_floats(place, images)
    return {
        name: _channels_last(place, name, _bytes(place, name, array, scale, notes), notes)
        for name, array in images.items()
    }


def _scale_of_floats(place: str, images: Arrays) -> int:
    """Return the factor of floating-point pixels, 255 or 1. All arrays of a file share one range."""
    floats = {name: array for name, array in images.items() if array.dtype.kind == "f" and array.size}
    for name, array in floats.items():
        if not np.isfinite(array).all():
            raise InvalidInputError(f"{place}: {name} must be finite, but it holds NaN or infinity")
    largest = max((float(array.max()) for array in floats.values()), default=0.0)
    return 255 if largest <= 1 else 1


def _bytes(place: str, name: str, array: NDArray[Any], scale: int, notes: Notes) -> NDArray[np.uint8]:
    if array.dtype == np.uint8 or not array.size:
        return array.astype(np.uint8, copy=False)
    if array.dtype.kind == "b":
        notes.add(name, "false is read as the pixel 0, true as 255")
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind in "iuf":
        low, high = array.min(), array.max()
        if array.dtype.kind == "f" and scale == 255 and low >= 0:
            notes.add(name, f"{array.dtype} from 0 to 1 is read as pixels from 0 to 255")
            return np.rint(array * np.float64(255)).astype(np.uint8)
        is_whole = array.dtype.kind != "f" or bool((array == np.rint(array)).all())
        if is_whole and low >= 0 and 1 < high <= 255:
            notes.add(name, f"{array.dtype} from 0 to 255 is read as uint8")
            return array.astype(np.uint8)
        found = f"{array.dtype} from {low:.6g} to {high:.6g}"
    else:
        found = str(array.dtype)
    raise InvalidInputError(
        f"{place}: {name} must be uint8 with pixels from 0 to 255, but got {found}; "
        "scale it to that range and save it with .astype('uint8')"
    )


def _channels_last(place: str, name: str, images: NDArray[np.uint8], notes: Notes) -> NDArray[np.uint8]:
    if images.ndim not in (3, 4) or 0 in images.shape[1:]:
        raise InvalidInputError(
            f"{place}: {name} must be N H W C or N H W, but got {shape_text(images.shape)}"
        )
    if images.ndim == 3:
        return images[..., None]
    first, height, width, last = images.shape[1], *images.shape[2:], images.shape[3]
    if last <= MOST_PLAIN_CHANNELS:
        return images
    is_square = height == width
    if first <= MOST_PLAIN_CHANNELS or (first <= MOST_CHANNELS and first < width and is_square):
        notes.add(name, f"{shape_text(images.shape)} is read as N C H W (channels: {first})")
        return np.ascontiguousarray(images.transpose(0, 2, 3, 1))
    if last <= MOST_CHANNELS and last < min(first, height):
        return images
    raise InvalidInputError(
        f"{place}: {name} is {shape_text(images.shape)}, which may be N C H W or N H W C with many channels; "
        f"images of up to {MOST_CHANNELS} channels are read: save them as N H W C"
    )


def labels_of(
    place: str, labels: Arrays, names: NDArray[Any] | None, notes: Notes
) -> tuple[dict[str, NDArray[np.int64]], int]:
    """Return the arrays of labels by name, as int64 N from 0, and the first label of the file.

    Booleans, whole floating-point numbers, N x 1 arrays, one-hot rows, and labels from 1 to K are converted.

    Args:
        place: The file, for messages.
        labels: The arrays by name, those of train first.
        names: The class names, if the file has them.
        notes: Receives the conversions.

    Returns:
        The labels, and the label of the file that became 0: 0 or 1.

    Raises:
        InvalidInputError: The shape or the type is another one, or labels are negative or not whole numbers.
    """
    whole = {name: _whole(place, name, array, notes) for name, array in labels.items()}
    present = np.unique(np.concatenate(list(whole.values()))) if whole else np.empty(0, np.int64)
    in_train = np.unique(next(iter(whole.values()))) if whole else present
    counts_from_one = len(present) > 1 and np.array_equal(in_train, np.arange(1, len(in_train) + 1))
    if not counts_from_one or present[0] == 0 or (names is not None and len(names) > present[-1]):
        return whole, 0
    for name in whole:
        notes.add(name, f"labels from 1 to {present[-1]} are read as 0 to {present[-1] - 1}")
    return {name: array - 1 for name, array in whole.items()}, 1


def _whole(place: str, name: str, labels: NDArray[Any], notes: Notes) -> NDArray[np.int64]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.shape[1] > 1 and labels.dtype.kind in "biuf" and _is_one_hot(labels):
        notes.add(name, f"one-hot rows are read as labels from 0 to {labels.shape[1] - 1}")
        return np.asarray(labels.argmax(axis=1), dtype=np.int64)
    if labels.ndim != 1:
        raise InvalidInputError(
            f"{place}: {name} must be a list of N labels, or N rows with a single one each, "
            f"but got {shape_text(labels.shape)}"
        )
    rule = f"{place}: {name} must be whole numbers from 0"
    if labels.dtype.kind == "b":
        notes.add(name, "false is read as the label 0, true as 1")
        return labels.astype(np.int64)
    if labels.dtype.kind not in "iuf":
        raise InvalidInputError(f"{rule}, but got {labels.dtype}")
    if labels.dtype.kind == "f":
        broken = labels[~(np.isfinite(labels) & (labels == np.rint(labels)))]
        if len(broken):
            raise InvalidInputError(f"{rule}, but got {labels.dtype} with {broken[0]}")
        notes.add(name, f"{labels.dtype} labels are read as whole numbers")
    for worst in (labels.min(), labels.max()) if len(labels) else ():
        if not 0 <= int(worst) < 2**63:
            raise InvalidInputError(f"{rule}, but got {int(worst)}")
    return labels.astype(np.int64)


def _is_one_hot(labels: NDArray[Any]) -> bool:
    is_one = labels == 1
    return bool((is_one | (labels == 0)).all() and (is_one.sum(axis=1) == 1).all())


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as text, for example ``60 x 12 x 12``."""
    return " x ".join(str(n) for n in shape) or "a single number"
