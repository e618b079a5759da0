"""Files that are either whole or not there: written beside their place, synced, then moved into it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from space.errors import InvalidInputError


def write_atomic(
    path: str | Path, data: bytes | str, *, keep_as: Path | None = None, sync: bool = True
) -> Path:
    """Write ``data`` (text as UTF-8) to ``path`` at once, replacing what was there, and return the path.

    Folders above it are made. A crash or a full disk leaves the old file; OSError goes to the caller. What
    was there is moved to ``keep_as``, if that is given. Without ``sync`` it is faster, but a power cut may
    leave a torn file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        if keep_as is not None and path.exists():
            path.replace(keep_as)
        part.replace(path)
        if sync:
            _sync_folder(path.parent)
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = str(path)
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise
    return path


def absolute_path(base: Path, path: str, what: str) -> str:
    """Return ``path``, which may begin with ``~``, as an absolute one, seen from ``base``.

    Raises:
        InvalidInputError: there is no such user, links go in circles, or the text is no path; ``what`` names
            the key and its value.
    """
    try:
        absolute = str((base / Path(path).expanduser()).resolve())
        absolute.encode()  # it is written down as UTF-8
        return absolute
    except (RuntimeError, OSError, ValueError) as error:
        raise InvalidInputError(f"{what} is no usable path: {error}") from None


def _sync_folder(folder: Path) -> None:
    """Make the move last through a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
