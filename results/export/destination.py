"""The folder of an export: checked before, written beside, locked against other exports, moved into place."""

from __future__ import annotations

import fcntl
import glob
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from space.core.atomic_files import sha256_of
from space.core.errors import InvalidInputError

MANIFEST = "export.json"
"""The manifest of an export: facts of the trial, and the SHA-256 of each other file."""


def check_destination(to: Path) -> None:
    """Refuse a folder with other content than an unchanged earlier export."""
    if to.exists() and not to.is_dir():
        raise InvalidInputError(f"{to} is a file; export to a folder (--output)")
    if to == Path.cwd():
        raise InvalidInputError(f"{to} is the current folder, which cannot be replaced; name another (-o)")
    present = files_in(to)
    if not present:
        return
    known = _read_manifest(to)
    for name, path in sorted(present.items()):
        if name == MANIFEST and known:
            continue
        if name not in known:
            raise InvalidInputError(
                f"{to} holds {name}, which mgnas did not export; name another folder (-o) or move it away"
            )
        if not path.is_file() or sha256_of(path) != known[name]:
            raise InvalidInputError(
                f"{path} was changed after it was exported; name another folder (--output) or move it away"
            )


def files_in(folder: Path) -> dict[str, Path]:
    """Return the files of an export by their path in it, with slashes; a folder without files counts as one."""
    if not folder.is_dir():
        return {}
    found = [path for path in folder.rglob("*") if not path.is_dir() or not any(path.iterdir())]
    return {path.relative_to(folder).as_posix(): path for path in sorted(found)}


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        files = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]
    except (FileNotFoundError, IsADirectoryError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    return files if isinstance(files, dict) else {}


def move(part: Path, to: Path) -> None:
    """Move the finished folder to its place; an earlier export is deleted afterwards."""
    if not to.exists():
        part.rename(to)
        return
    old = new_beside(to, "old")
    to.rename(old)
    try:
        part.rename(to)
    except BaseException:
        old.rename(to)
        raise
    shutil.rmtree(old, ignore_errors=True)


def new_beside(to: Path, kind: str) -> Path:
    """Create a new empty hidden folder beside ``to``."""
    path = to.with_name(f".{to.name}.{secrets.token_hex(4)}.{kind}")
    path.mkdir()
    return path


@contextmanager
def locked_parent(to: Path) -> Iterator[None]:
    """Lock the parent folder of ``to`` against other exports, for the duration of the context."""
    descriptor = locked(to.parent)
    try:
        yield
    finally:
        os.close(descriptor)


def locked(folder: Path) -> int:
    """Lock a folder and return its descriptor; closing it, or the end of the process, unlocks the folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    with suppress(OSError):  # a file system that does not support locks
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def remove_left(to: Path) -> None:
    """Remove the folders of killed exports to ``to``, which no process has locked.

    An earlier export that a killed process had moved away is moved back.
    """
    for left in sorted(to.parent.glob(f"{glob.escape(f'.{to.name}.')}*")):
        named = re.fullmatch(r"\.[0-9a-f]{8}\.(part|old)", left.name.removeprefix(f".{to.name}"))
        if named and named[1] == "old" and not to.exists():
            left.rename(to)
        elif named and not _is_held(left):
            shutil.rmtree(left, ignore_errors=True)


def _is_held(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
