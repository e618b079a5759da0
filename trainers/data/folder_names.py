"""Names of files and folders in a folder of images: images, parts, and what systems and programs add."""

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
"""Names of folders above the classes, in any case."""
UNCLEAR_PARTS = ("eval", "evaluation", "holdout", "hold_out", "heldout", "held_out")
"""Names that some people give to validation images and others to test images."""
SYSTEM_NAMES = (
    "__macosx", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found", "thumbs.db",
    "desktop.ini", "__pycache__",
)  # fmt: skip
"""Files and folders that operating systems, file servers and Python add."""
TABLES = (".csv", ".tsv", ".json", ".jsonl", ".xlsx", ".xls", ".parquet", ".xml")
"""Files in which people keep labels."""


def composed(name: str) -> str:
    """Return a name in Unicode's composed form (NFC); macOS also writes the decomposed one."""
    return unicodedata.normalize("NFC", name)


def is_ignored(name: str) -> bool:
    """Return whether an entry is hidden or a system's own."""
    return name.startswith(".") or name.casefold() in SYSTEM_NAMES


def is_image(name: str) -> bool:
    """Return whether a file's name is that of an image."""
    return Path(name).suffix.lower() in SUFFIXES and not is_ignored(name)


def plain(name: str) -> str:
    """Return a name in small letters, with one sign for spaces, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "_", composed(name).strip()).casefold()


def part_of(folder: Path) -> str | None:
    """Return ``train``, ``val`` or ``test`` for a folder that has a usual name of it."""
    return PARTS.get(plain(folder.name))


def entries(folder: Path) -> list[Path]:
    """Return what is in a folder and not ignored, in the order of the composed names."""
    found = [child for child in folder.iterdir() if not is_ignored(child.name)]
    return sorted(found, key=lambda child: composed(child.name))


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder that are not ignored."""
    return [child for child in entries(folder) if child.is_dir()]


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly in a folder."""
    return [child for child in entries(folder) if is_image(child.name) and not child.is_dir()]


def has_images(folder: Path) -> bool:
    """Return whether there is an image file in a folder or below it."""
    for _, children, names in os.walk(folder, onerror=fail):
        children[:] = [name for name in children if not is_ignored(name)]
        if any(is_image(name) for name in names):
            return True
    return False


def table_hint(*folders: Path) -> str:
    """Return a remark about a table of labels in one of the folders, or nothing."""
    for folder in folders:
        for child in entries(folder):
            if child.suffix.lower() in TABLES and child.is_file():
                return f"; labels in {child.name} are not read"
    return ""


def listed(folders: list[Path]) -> str:
    """Return names of folders as text, ``a/, b/ and c/``, at most three of them."""
    names = [f"{folder.name}/" for folder in folders]
    if len(names) > 3:
        names = [*names[:2], f"{len(names) - 2} others"]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def fail(error: OSError) -> None:
    """Raise what ``os.walk`` would pass over."""
    raise error


def checked_name(folder: Path) -> str:
    """Return a class's name, the composed form of its folder's.

    Raises:
        InvalidInputError: the name is no text, which studies record as UTF-8.
    """
    try:
        folder.name.encode()
    except UnicodeEncodeError:
        raise InvalidInputError(f"the folder's name {str(folder)!a} is not UTF-8 text; rename it") from None
    return composed(folder.name)
