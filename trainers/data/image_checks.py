"""Checks of all images before training: damaged files, and equal images across splits or classes."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from space.core.atomic_files import write_atomic
from space.core.errors import InvalidInputError
from trainers.data.image_files import read_pixels
from trainers.data.image_store import StoredImages
from trainers.data.splits import SearchData

Item = TypeVar("Item")
Result = TypeVar("Result")

HEAD_BYTES = 2**16
"""Bytes of the beginning of a file. They are compared before the whole content."""
CHUNK = 1024
"""Largest number of images in the queue of the threads."""
MOST_NAMED = 3
"""Largest number of damaged images in an error message."""


def check_images(data: SearchData, record: Path, tell: Callable[[str], None]) -> list[str]:
    """Check all images once, and return notes on equal images.

    ``record`` stores the result with a key of the form of the images and the paths, sizes and modification
    times of the files. The next call with the same key reads no image file. Images in memory need no record.

    Args:
        data: The images of a search.
        record: The file for the result. Its folder must exist.
        tell: Receives a line of text before a slow check.

    Raises:
        InvalidInputError: Images are damaged. The message gives their number and the first names.
        OSError: The record cannot be written.
    """
    train, val = data.train.images, data.val.images
    if not isinstance(train, StoredImages) or not isinstance(val, StoredImages):
        return _notes(_array_contents(train), _array_contents(val), data)
    paths = (*train.paths, *val.paths)
    key = _key(train, paths)
    if (known := _recorded(record, key)) is not None:
        return known
    tell(f"checking {len(paths):,} images once, before the first training")
    _check_files(train, paths)
    contents = _file_contents(paths)
    notes = _notes(contents[: len(train)], contents[len(train) :], data)
    write_atomic(record, json.dumps({"images": key, "notes": notes}, indent=2) + "\n")
    return notes


def _key(images: StoredImages, paths: Sequence[Path]) -> str:
    digest = hashlib.sha256(repr(images.form).encode())
    for path in paths:
        stat = path.stat()
        digest.update(repr((str(path), stat.st_size, stat.st_mtime_ns)).encode())
    return digest.hexdigest()


def _recorded(record: Path, key: str) -> list[str] | None:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        return [str(note) for note in found["notes"]] if found["images"] == key else None
    except (OSError, ValueError, KeyError, TypeError):  # the record is missing or damaged
        return None


def _check_files(images: StoredImages, paths: Sequence[Path]) -> None:
    def fault_of(path: Path) -> str | None:
        try:
            read_pixels(path, images.form)
        except InvalidInputError as error:
            return str(error)
        return None

    faults = [fault for fault in _in_threads(fault_of, paths) if fault is not None]
    if len(faults) == 1:
        raise InvalidInputError(f"{faults[0]}; mend it, or move it away")
    if faults:
        more = " ..." if len(faults) > MOST_NAMED else ""
        raise InvalidInputError(
            f"{len(faults):,} of {len(paths):,} images cannot be used; mend them, or move them away: "
            f"{'; '.join(faults[:MOST_NAMED])}{more}"
        )


def _file_contents(paths: Sequence[Path]) -> list[bytes]:
    """Return a key for each file. Two keys are equal if and only if the contents are equal."""
    keys = [repr(path.stat().st_size).encode() for path in paths]
    for num_bytes in (HEAD_BYTES, -1):  # most files differ in size or in their first bytes
        rows = _shared(keys)

        def content_of(row: int, num_bytes: int = num_bytes) -> bytes:
            with paths[row].open("rb") as file:
                return hashlib.sha256(file.read(num_bytes)).digest()

        for row, content in zip(rows, _in_threads(content_of, rows), strict=True):
            keys[row] += content
    return keys


def _shared(keys: Sequence[bytes]) -> list[int]:
    """Return the rows of all keys that occur more than once."""
    rows = defaultdict(list)
    for row, key in enumerate(keys):
        rows[key].append(row)
    return [row for same in rows.values() if len(same) > 1 for row in same]


def _array_contents(images: StoredImages | NDArray[Any]) -> list[bytes]:
    return [hashlib.sha256(image.tobytes()).digest() for image in images[:]]


def _notes(train: Sequence[bytes], val: Sequence[bytes], data: SearchData) -> list[str]:
    """Return notes on images that occur in both splits or in several classes."""
    notes = []
    known = set(train)
    if twice := sum(content in known for content in val):
        notes.append(
            f"copies of training images are among the validation images, {twice:,} of {len(val):,}: the "
            "validation accuracy is too high; remove them"
        )
    classes = defaultdict(set)
    for content, label in zip((*train, *val), (*data.train.labels, *data.val.labels), strict=True):
        classes[content].add(int(label))
    if unclear := [labels for labels in classes.values() if len(labels) > 1]:
        names = sorted(unclear[0])
        are = "image is" if len(unclear) == 1 else "images are"
        notes.append(
            f"{len(unclear):,} {are} in more than one class, such as {data.classes[names[0]]!r} and "
            f"{data.classes[names[1]]!r}; remove the wrong copies"
        )
    return notes


def _in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield the results in order. Pillow and hashlib release the global interpreter lock."""
    remaining = iter(items)
    executor = ThreadPoolExecutor()
    try:
        while chunk := list(islice(remaining, CHUNK)):
            yield from executor.map(function, chunk)
    finally:
        executor.shutdown(cancel_futures=True)  # Ctrl-C must not wait for a whole chunk
