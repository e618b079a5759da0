"""Images in memory: the study's folder stores them, and the workers read them there."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from search.study.folder import GIVEN, StudyFolder
from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError, reason_of, shown
from trainers.data.sources import NPZ_ARRAYS

Arrays = dict[str, NDArray[Any]]
FORMS = "arrays (x, y), a dictionary with x_train and y_train, or a Dataset of (image, label)"


def write_given(data: Any, folder: Path) -> str:
    """Write ``data`` into the study's folder.

    Args:
        data: A mapping of arrays, a pair (images, labels) or a Dataset.
        folder: The study's folder.

    Returns:
        The image source that reads the written file: ``npz:`` and its absolute path.

    Raises:
        InvalidInputError: ``data`` has an unsupported form, or the folder holds other files or a study of
            other images.
    """
    arrays = _arrays_of(data)
    study = StudyFolder(folder)
    study.check()
    file = folder / GIVEN
    if not _holds(file, arrays):
        if study.has_study:
            raise InvalidInputError(
                f"{folder} was searched on other images than data holds now; search in another folder"
            )
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        write_atomic(file, buffer.getvalue())
    return f"npz:{file.absolute()}"


def _holds(file: Path, arrays: Arrays) -> bool:
    if not file.is_file():
        return False
    with np.load(file, allow_pickle=False) as known:
        return set(known.files) == set(arrays) and all(
            known[name].dtype == array.dtype and np.array_equal(known[name], array)
            for name, array in arrays.items()
        )


def _arrays_of(data: Any) -> Arrays:
    if isinstance(data, Mapping):
        unknown = [name for name in data if name not in NPZ_ARRAYS]
        if unknown:
            raise InvalidInputError(f"data takes {', '.join(NPZ_ARRAYS)}, but got {shown(unknown[0])}")
        return {name: _array(f"data[{name!r}]", value) for name, value in data.items()}
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return {"x_train": _array("data[0]", data[0]), "y_train": _array("data[1]", data[1])}
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, (list, tuple)):
        return _arrays_of_dataset(data)
    raise InvalidInputError(f"data must be a source's name, {FORMS}, but got {type(data).__name__}")


def _arrays_of_dataset(dataset: Any) -> Arrays:
    pairs = [dataset[index] for index in range(len(dataset))]
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
        raise InvalidInputError("data: every item of a Dataset must be a pair (image, label)")
    images = [_array(f"data[{index}][0]", image) for index, (image, _) in enumerate(pairs)]
    if len({image.shape for image in images}) > 1:
        sizes = sorted({image.shape for image in images})[:2]
        raise InvalidInputError(f"data: all images must have one shape, but got {sizes[0]} and {sizes[1]}")
    arrays = {"x_train": np.stack(images), "y_train": _array("labels", [label for _, label in pairs])}
    names = getattr(dataset, "classes", None)
    if isinstance(names, (list, tuple)) and names and all(isinstance(name, str) for name in names):
        arrays["classes"] = np.array(names)
    return arrays


def _array(name: str, value: Any) -> NDArray[Any]:
    """Convert a tensor, a Pillow image or another array-like value to a NumPy array."""
    try:
        array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInputError(f"{name} is no array: {reason_of(error)}") from None
    if array.dtype.kind == "O":
        raise InvalidInputError(f"{name} must be an array of numbers, but its items differ in shape or type")
    return array
