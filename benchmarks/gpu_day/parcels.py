"""The folder of the queue as a few files of limited size, and back."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

PART_BYTES = 15 * 2**20
NAME = "gpu-day.tar.gz"
LEFT_OUT = ("images.npz", "__pycache__")


def pack(folder: Path, target: Path, part_bytes: int = PART_BYTES) -> list[Path]:
    """Write ``folder`` into numbered files of at most ``part_bytes`` each, and return them.

    Images are left out; everything that a stopped study needs to continue travels.
    """
    target.mkdir(parents=True, exist_ok=True)
    for old in parts(target):
        old.unlink()
    whole = target / NAME
    with tarfile.open(whole, "w:gz") as archive:
        archive.add(
            folder, arcname=".", filter=lambda member: None if Path(member.name).name in LEFT_OUT else member
        )
    written = []
    with whole.open("rb") as source:
        for number, part in enumerate(iter(lambda: source.read(part_bytes), b"")):
            path = target / f"{NAME}.{number:02d}"
            path.write_bytes(part)
            written.append(path)
    whole.unlink()
    return written


def parts(folder: Path) -> list[Path]:
    """Return the files of a packed folder in their order."""
    return sorted(folder.glob(f"{NAME}.[0-9][0-9]"))


def unpack(source: Path, folder: Path) -> None:
    """Restore a folder from the files that ``pack`` wrote; without any, the folder stays as it is."""
    found = parts(source)
    if not found:
        return
    folder.mkdir(parents=True, exist_ok=True)
    whole = folder / NAME
    with whole.open("wb") as target:
        for part in found:
            target.write(part.read_bytes())
    with tarfile.open(whole) as archive:
        archive.extractall(folder, members=_plain(archive), filter="data")
    whole.unlink()


def _plain(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    return (member for member in archive if member.isfile() or member.isdir())
