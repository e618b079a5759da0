"""The files of a study's images: packed by the driver, unpacked once on each node that lacks them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from search.executors.ray.node_cache import locked
from trainers.data.config import DataConfig
from trainers.data.torchvision_sources import DEFAULT_ROOT, KNOWN_SETS

CHUNK_BYTES = 16 * 2**20
"""Bytes of one object in Ray's object store, which may be as small as 75 MiB."""


@dataclass(frozen=True)
class Contents:
    """The files of a parcel.

    Attributes:
        files: The relative path and the size in bytes of each file, in the order of their contents.
        digest: The identity of names and contents, 32 hexadecimal digits.
    """

    files: tuple[tuple[str, int], ...]
    digest: str


def image_path(config: DataConfig) -> Path | None:
    """Return the file or folder with the images of a source; None if the package contains them."""
    kind, _, path = config.source.partition(":")
    if known := KNOWN_SETS.get(kind):
        root = Path(config.root).expanduser() if config.root else DEFAULT_ROOT.expanduser()
        return root / known.place
    return Path(path) if path else None


def at_place(config: DataConfig, folder: Path) -> DataConfig:
    """Return the configuration that reads the files that ``unpack`` wrote into ``folder``."""
    kind, _, path = config.source.partition(":")
    if kind in KNOWN_SETS:
        return config.model_copy(update={"root": str(folder)})
    return config.model_copy(update={"source": f"{kind}:{folder / Path(path).name}"})


def list_files(config: DataConfig) -> list[tuple[Path, str]]:
    """Return each image file, and its path relative to the folder that ``unpack`` writes.

    The name of an archive or folder stays: it is the name of the data set.
    """
    path = image_path(config)
    assert path is not None, config.source
    kind = config.source.partition(":")[0]
    if kind == "svhn":
        return [(file, file.name) for file in (path, path.with_name("test_32x32.mat"))]
    base = path.parent
    if known := KNOWN_SETS.get(kind):
        base = path.parents[len(PurePosixPath(known.place).parts) - 1]
    found = [path] if path.is_file() else sorted(path.rglob("*"))
    return [(file, file.relative_to(base).as_posix()) for file in found if file.is_file()]


def packed(files: Iterable[tuple[Path, str]]) -> Iterator[bytes]:
    """Yield the contents of files one after another, in chunks of ``CHUNK_BYTES``.

    Raises:
        OSError: A file cannot be read.
    """
    chunk = bytearray()
    for path, _ in files:
        with path.open("rb") as file:
            while part := file.read(CHUNK_BYTES - len(chunk)):
                chunk += part
                if len(chunk) == CHUNK_BYTES:
                    yield bytes(chunk)
                    chunk.clear()
    if chunk:
        yield bytes(chunk)


def contents_of(files: Iterable[tuple[Path, str]], chunk_digests: Iterable[str]) -> Contents:
    """Return the contents of a parcel, given the SHA-256 of each of its chunks."""
    listed = tuple((name, path.stat().st_size) for path, name in files)
    text = json.dumps([listed, list(chunk_digests)])
    return Contents(listed, hashlib.sha256(text.encode()).hexdigest()[:32])


def unpack(contents: Contents, chunks: Iterable[bytes], cache: Path) -> Path:
    """Write the files of a parcel into a cache folder, unless it has them; return their folder.

    Args:
        contents: The names and sizes of the files.
        chunks: What ``packed`` yielded; read only if needed.
        cache: The cache folder of the node; its processes wait for each other.

    Raises:
        OSError: The files cannot be written.
        ValueError: The chunks do not have the sizes of the files, or a name leaves the folder.
    """
    folder = cache / "images" / contents.digest
    with locked(folder):
        if folder.exists():
            return folder
        part = folder.with_name(f".{contents.digest}.part")
        shutil.rmtree(part, ignore_errors=True)
        reader = _Reader(chunks)
        for name, size in contents.files:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"{name!r} is no path inside the folder of the images")
            file = part / name
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("wb") as out:
                for piece in reader.read(size):
                    out.write(piece)
        if not reader.is_at_end():
            raise ValueError("an image file changed while it was sent")
        part.rename(folder)
    return folder


class _Reader:
    """Reads chunks as one sequence of bytes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")

    def read(self, size: int) -> Iterator[memoryview]:
        """Yield the next ``size`` bytes in pieces."""
        while size:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    raise ValueError("an image file changed while it was sent")
                self._rest = memoryview(chunk)
            piece, self._rest = self._rest[:size], self._rest[size:]
            size -= len(piece)
            yield piece

    def is_at_end(self) -> bool:
        """Return whether all bytes are read."""
        return not self._rest and next(self._chunks, None) is None
