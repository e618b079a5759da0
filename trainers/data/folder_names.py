"""Names of files and folders in an image folder: images, parts, and entries of systems and programs."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from space.core.errors import InvalidInputError

SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".jp2", ".bmp", ".gif", ".webp", ".avif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pnm",
)  # fmt: skip
PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
"""Part of each usual name of a part folder. Case does not matter. Part folders lie above the classes."""
UNCLEAR_PARTS = ("eval", "evaluation", "holdout", "hold_out", "heldout", "held_out")
"""Ambiguous names: some people use them for validation images, others for test images."""
SYSTEM_NAMES = (
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "thumbs.db",
    "desktop.ini", "__pycache__",
)  # fmt: skip
"""Names of files and folders that operating systems, file servers and Python add."""
TABLES = (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xls", ".parquet", ".xml")
"""Suffixes of files that often hold labels."""


def composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC). macOS also writes the decomposed form."""
    return unicodedata.normalize("NFC", name)


def is_ignored(name: str) -> bool:
    """Return whether an entry is hidden or has a name in ``SYSTEM_NAMES``."""
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES


def is_image(name: str) -> bool:
    """Return whether a file name has an image suffix and is not ignored."""
    return Path(name).suffix.lower() in SUFFIXES and not is_ignored(name)


def plain(name: str) -> str:
    """Return a name in lower case; one underscore replaces each run of spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "_", composed(name).strip()).casefold()


def part_of(folder: Path) -> str | None:
    """Return ``train``, ``val`` or ``test`` for a folder with a usual part name, otherwise None."""
    return PARTS.get(plain(folder.name))


def entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, sorted by composed name. Ignored entries are left out."""
    found = [child for child in folder.iterdir() if not is_ignored(child.name)]
    return sorted(found, key=lambda child: composed(child.name))


def folders_in(folder: Path) -> list[Path]:
    """Return the subfolders of a folder. Ignored ones are left out."""
    return [child for child in entries(folder) if child.is_dir()]


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly in a folder."""
    return [child for child in entries(folder) if is_image(child.name) and not child.is_dir()]


def has_images(folder: Path) -> bool:
    """Return whether a folder or one of its subfolders contains an image file."""
    for _, children, names in os.walk(folder, onerror=fail):
        children[:] = [name for name in children if not is_ignored(name)]
        if any(is_image(name) for name in names):
            return True
    return False


def table_hint(*folders: Path) -> str:
    """Return a remark about the first table of labels in the folders, otherwise an empty string."""
    for folder in folders:
        for child in entries(folder):
            if child.suffix.lower() in TABLES and child.is_file():
                return f"; labels in {child.name} are not read"
    return ""


def listed(folders: list[Path]) -> str:
    """Return the folder names as text: ``a/, b/ and c/``.

    More than three folders give two names and the number of the others.
    """
    names = [f"{folder.name}/" for folder in folders]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} others"]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def fail(error: OSError) -> None:
    """Raise an error that ``os.walk`` ignores by default."""
    raise error


def checked_name(folder: Path) -> str:
    """Return the class name: the folder name in composed form.

    Raises:
        InvalidInputError: The name is not valid text. Studies record it as UTF-8.
    """
    try:
        folder.name.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(f"the folder's name {str(folder)!a} is not UTF-8 text; rename it") from None
    return composed(folder.name)
