"""Atomic files: write a temporary file in the same folder, sync it, rename it."""

from __future__ import annotations

import hashlib
import os
import shlex
from contextlib import suppress
from pathlib import Path

from space.core.errors import InvalidInputError, shortened, shown


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal digits.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_atomic(
    path: str | Path, data: bytes | str, *, keep_as: Path | None = None, sync: bool = True
) -> Path:
    """Write a file atomically, create its folders, and return its path.

    After a crash or on a full disk, the old file remains.

    Args:
        path: The file.
        data: Its content; text is stored as UTF-8.
        keep_as: The new path of the old file. By default, the old file is replaced.
        sync: Whether to sync to disk. Without it, writing is faster, but a power cut may leave a torn file.

    Raises:
        OSError: The file cannot be written; ``filename`` is ``path``.
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


def user_path(path: str | os.PathLike[str], what: str) -> Path:
    """Return a path from a user, with ``~`` expanded.

    Args:
        path: The path.
        what: The name of the option or argument.

    Raises:
        InvalidInputError: The path is empty or unusable (see ``absolute_path``).
    """
    text = os.fspath(path)
    if not text.strip():
        raise InvalidInputError(f"{what} is empty; name one, or leave it out")
    if text.startswith("~") or "\0" in text or not _is_text(text):
        return Path(absolute_path(Path.cwd(), text, f"{what} {shown(text)}"))
    return Path(text)


def shell_word(path: Path) -> str:
    """Return a path as one word of a shell command: quoted if needed, never an option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def absolute_path(base: Path, path: str, what: str) -> str:
    """Return ``path``, which may begin with ``~``, as an absolute path relative to ``base``.

    Args:
        base: The folder of relative paths.
        path: The path.
        what: The key and its value, for messages.

    Raises:
        InvalidInputError: The user is unknown, the path is a broken link, or the text is no path.
    """
    try:
        place = base / Path(path).expanduser()
        absolute = str(place.resolve())
        absolute.encode()  # paths are stored as UTF-8
        if place.is_symlink() and not place.exists():
            raise InvalidInputError(
                f"{what} is a link that leads nowhere, to {shortened(str(place.readlink()))}"
            )
        return absolute
    except InvalidInputError:
        raise
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"{what} is no usable path: it is not UTF-8 text, in which paths are written down; rename it"
        ) from None
    except (RuntimeError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or shortened(str(error))
        raise InvalidInputError(f"{what} is no usable path: {reason}") from None


def _sync_folder(folder: Path) -> None:
    """Sync a folder, if the system supports it. A rename in it then survives a power cut."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
