"""Files that are either whole or not there: written beside their place, synced, then moved into it."""

from __future__ import annotations

import hashlib
import os
import shlex
from contextlib import suppress
from pathlib import Path

from space.core.errors import InvalidInputError, shortened, shown


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal digits; OSError goes to the caller."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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


def user_path(path: str | os.PathLike[str], what: str) -> Path:
    """Return a path that a user gave, with ``~`` written out; ``what`` names the option or argument.

    Raises:
        InvalidInputError: it is empty or no usable path (see ``absolute_path``).
    """
    text = os.fspath(path)
    if not text.strip():
        raise InvalidInputError(f"{what} is empty; name one, or leave it out")
    if text.startswith("~") or "\0" in text or not _is_text(text):
        return Path(absolute_path(Path.cwd(), text, f"{what} {shown(text)}"))
    return Path(text)


def shell_word(path: Path) -> str:
    """Return a path as one word of a command line: quoted where it must be, and never taken for an option."""
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def absolute_path(base: Path, path: str, what: str) -> str:
    """Return ``path``, which may begin with ``~``, as an absolute one, seen from ``base``.

    Raises:
        InvalidInputError: there is no such user, it is a link that leads nowhere, or the text is no path;
            ``what`` names the key and its value.
    """
    try:
        place = base / Path(path).expanduser()
        absolute = str(place.resolve())
        absolute.encode()  # it is written down as UTF-8
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
    """Make the move last through a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
