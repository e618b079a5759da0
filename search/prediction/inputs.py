"""The images to classify: files, folders and archives, as uint8 pixels, one after the other."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.export.preprocessing import Preprocessing
from space.core.errors import InvalidInputError, shortened, shown
from space.core.system_errors import explain_system_error
from trainers.data.arrays import Notes, labels_of, pixels_of, shape_text
from trainers.data.folder_names import SUFFIXES, composed, is_ignored, is_image
from trainers.data.image_files import ImageForm, read_pixels

ARRAY_NAMES = (("x_test", "y_test"), ("x", "y"))
"""The arrays of images in an archive, and those of their labels, in the order of preference."""
CHUNK = 256
"""Largest number of images in memory."""
CHUNK_BYTES = 2**26
"""Bytes of the images in memory."""


@dataclass(frozen=True)
class Image:
    """One image to classify.

    Attributes:
        name: Its file, or its place in an array.
        label: Index of its class if that is known.
        pixels: uint8 H W C; None if the image cannot be read.
        fault: Why it cannot be read.
    """

    name: str
    label: int | None
    pixels: NDArray[np.uint8] | None
    fault: str = ""


@dataclass(frozen=True)
class _File:
    path: Path
    label: int | None


def chunks(arguments: Iterable[str], format_: Preprocessing) -> Iterator[list[Image]]:
    """Yield the images of all arguments in lists that fit into memory.

    Args:
        arguments: Image files, folders, and ``.npz`` or ``.npy`` files.
        format_: The input format of the network. Image files are converted to it; arrays must have it.
    """
    size = max(
        1, min(CHUNK, CHUNK_BYTES // (format_.channels * format_.image_size[0] * format_.image_size[1]))
    )
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
        for argument in arguments:
            try:
                if Path(argument).suffix.lower() in (".npz", ".npy") and not Path(argument).is_dir():
                    yield from _in_lists(_images_of_array(Path(argument), format_), size)
                    continue
                files = _files_of(Path(argument), format_)
            except InvalidInputError as error:
                yield [Image(argument, None, None, str(error))]
                continue
            while some := list(islice(files, size)):
                yield list(threads.map(lambda file: _read(file, format_), some))


def _in_lists(images: Iterator[Image], size: int) -> Iterator[list[Image]]:
    while some := list(islice(images, size)):
        yield some


def _files_of(path: Path, format_: Preprocessing) -> Iterator[_File]:
    """Return the image files of an argument. Their folders name the labels."""
    labels = {composed(name): index for index, name in enumerate(format_.classes)}
    if not path.is_dir():
        if not path.exists():
            raise InvalidInputError(f"there is no file {path}")
        return iter([_File(path, labels.get(composed(path.absolute().parent.name)))])
    found = list(_below(path, labels))
    if not found:
        raise InvalidInputError(f"{path} holds no images; image files end in {', '.join(SUFFIXES)}")
    return iter(found)


def _below(folder: Path, labels: dict[str, int]) -> Iterator[_File]:
    """Yield the images of a folder and its subfolders, sorted; links are followed once."""
    seen: set[str] = set()
    for parent, children, names in os.walk(folder, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:
            children.clear()
            continue
        seen.add(place)
        children[:] = sorted(name for name in children if not is_ignored(name))
        parts = (folder.resolve().name, *Path(parent).relative_to(folder).parts)
        label = next((labels[composed(part)] for part in parts if composed(part) in labels), None)
        for name in sorted(filter(is_image, names), key=composed):
            yield _File(Path(parent, name), label)


def _read(file: _File, format_: Preprocessing) -> Image:
    name = str(file.path)
    try:
        if format_.channels not in (1, 3):
            raise InvalidInputError(
                f"{name}: the network takes {format_.channels} channels; give it arrays (.npz)"
            )
        if file.path.is_file() and not file.path.stat().st_size:
            raise InvalidInputError(f"{name} is empty")
        form = ImageForm(format_.image_size, "L" if format_.channels == 1 else "RGB")
        return Image(name, file.label, read_pixels(file.path, form))
    except InvalidInputError as error:
        return Image(name, file.label, None, str(error))
    except OSError as error:
        return Image(name, file.label, None, f"{name} cannot be read: {explain_system_error(error)}")


def _images_of_array(path: Path, format_: Preprocessing) -> Iterator[Image]:
    """Yield the images of an archive, or of an array file.

    Raises:
        InvalidInputError: The file is damaged, or its arrays have another form.
    """
    images, labels, key = _arrays_of(path, format_)
    height, width = format_.image_size
    if images.shape[1:] != (height, width, format_.channels):
        raise InvalidInputError(
            f"{path}: {key} must be N H W C with H W C = {height} {width} {format_.channels}, "
            f"but got {shape_text(images.shape)}"
        )
    for index, pixels in enumerate(images):
        yield Image(f"{path}:{key}[{index}]", None if labels is None else int(labels[index]), pixels)


def _arrays_of(path: Path, format_: Preprocessing) -> tuple[NDArray[np.uint8], NDArray[np.int64] | None, str]:
    """Return the images, their labels if there are any, and the name of the array."""
    if path.exists() and not path.is_file():  # opening a named pipe waits for a writer
        raise InvalidInputError(f"{path} is no regular file; name a .npz or .npy file")
    try:
        with path.open("rb") as file:  # numpy leaves the file of a damaged archive open
            loaded = np.load(file, allow_pickle=False)
            arrays = {"x": loaded} if isinstance(loaded, np.ndarray) else _members(path, loaded)
    except OSError as error:
        reason = explain_system_error(error) if error.errno else shortened(str(error))
        raise InvalidInputError(f"{path} cannot be read: {reason}") from None
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(f"{path} cannot be read as arrays ({shortened(str(error))})") from None
    key, label_key = next(pair for pair in ARRAY_NAMES if pair[0] in arrays)
    if not len(np.atleast_1d(arrays[key])):
        raise InvalidInputError(f"{path}: {key} holds no images")
    images = pixels_of(str(path), {key: arrays[key]}, Notes())[key]
    if label_key not in arrays:
        return images, None, key
    labels = _labels(path, label_key, _named(path, arrays, label_key), format_.classes)
    if len(labels) != len(images):
        raise InvalidInputError(f"{path}: {label_key} has {len(labels):,} labels for {len(images):,} images")
    return images, labels, key


def _members(path: Path, archive: Any) -> dict[str, NDArray[Any]]:
    with archive:
        for pair in ARRAY_NAMES:
            if pair[0] in archive.files:
                return {name: archive[name] for name in (*pair, "classes") if name in archive.files}
        raise InvalidInputError(
            f"{path} must hold the array x_test or x, but it holds {', '.join(archive.files) or 'none'}"
        )


def _named(path: Path, arrays: dict[str, NDArray[Any]], key: str) -> NDArray[Any]:
    """Return labels by name if the archive names its classes, which may have another order than the network's."""
    labels = arrays[key]
    if "classes" not in arrays or labels.dtype.kind == "U":
        return labels
    names = arrays["classes"].astype(str).reshape(-1)
    indices = labels_of(str(path), {key: labels}, names, Notes())[0][key]
    if len(indices) and indices.max() >= len(names):
        raise InvalidInputError(f"{path}: {key} must be below the number of its classes, {len(names)}")
    return np.asarray(names[indices])


def _labels(path: Path, key: str, array: NDArray[Any], classes: tuple[str, ...]) -> NDArray[np.int64]:
    """Return labels as indices of the classes; they may also be names."""
    if array.dtype.kind == "U":
        places = {name: index for index, name in enumerate(classes)}
        if unknown := sorted(set(array.reshape(-1).tolist()) - set(places)):
            raise InvalidInputError(
                f"{path}: {key} names {shown(unknown[0])}, which is no class of the network"
            )
        return np.array([places[name] for name in array.reshape(-1).tolist()], dtype=np.int64)
    labels = labels_of(str(path), {key: array}, np.array(classes), Notes())[0][key]
    if len(labels) and labels.max() >= len(classes):
        raise InvalidInputError(
            f"{path}: {key} must be below the number of classes, {len(classes)}, but got {labels.max()}"
        )
    return labels
