"""Single image files: upright, in original size, or refused with the reason."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.core.errors import InvalidInputError
from trainers.data.image_files import ImageForm, common_form, read_pixels

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (6, 10, 3)).astype(np.uint8)
DEEP = (RNG.integers(0, 256, (6, 10)) * 256 + 9).astype(np.uint16)


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("suffix", ["png", "webp", "avif", "tif", "jpg"])
def test_orientation_turns_pixels_and_size_in_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(COLOUR).save(path, exif=turned())
    form = common_form([path], None)
    assert form == ImageForm((10, 6), "RGB")
    with Image.open(path) as image:
        image.load()
        stored = np.asarray(image)
    upright = stored if suffix == "tif" else np.rot90(stored, -1)  # Pillow turns TIFF files itself
    if suffix in ("tif", "png"):
        assert (upright == np.rot90(COLOUR, -1)).all()
    assert (read_pixels(path, form) == upright).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_orientation_turns_pixels_of_16_bits(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(DEEP).save(path, exif=turned())
    form = common_form([path], None)
    assert form == ImageForm((10, 6), "L")
    assert (read_pixels(path, form)[..., 0] == np.rot90(DEEP >> 8, -1)).all()


@pytest.mark.parametrize("pixels", [COLOUR, DEEP], ids=["8 bits", "16 bits"])
def test_orientation_behind_the_pixels_of_a_png_counts(
    tmp_path: Path, pixels: np.ndarray[tuple[int, ...], np.dtype[np.integer]]
) -> None:
    """ImageMagick and ExifTool write it there."""
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path)
    end = chunk(b"IEND", b"")
    content = path.read_bytes()
    assert content.endswith(end)
    exif = turned().tobytes().removeprefix(b"Exif\0\0")
    path.write_bytes(content.removesuffix(end) + chunk(b"eXIf", exif) + end)
    form = common_form([path], None)
    assert form.size == (10, 6)
    expected = np.rot90(pixels if pixels.ndim == 3 else (pixels >> 8)[..., None], -1)
    assert (read_pixels(path, form) == expected).all()


def test_very_large_images_are_refused_as_such(tmp_path: Path) -> None:
    """The header alone says so: 20,000 x 20,000 pixels of one bit."""
    path = tmp_path / "a.png"
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    rows = zlib.compress(b"")
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )
    with pytest.raises(
        InvalidInputError, match=r"a\.png has 400,000,000 pixels; the limit is 178,956,970: scale"
    ):
        common_form([path], None)


def test_lab_colours_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(COLOUR).convert("LAB").save(path)
    with pytest.raises(InvalidInputError, match=r"a\.tif stores LAB colours, .*; save the image as RGB"):
        common_form([path], None)


def test_files_that_the_system_does_not_open_are_not_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(InvalidInputError, match=r"a\.png cannot be read: Is a directory"):
        common_form([tmp_path / "a.png"], None)
    with pytest.raises(InvalidInputError, match=r"b\.png cannot be read: No such file or directory; check"):
        read_pixels(tmp_path / "b.png", ImageForm((4, 4), "L"))


@pytest.mark.parametrize(("max_side", "size"), [(None, (6, 10)), (10, (6, 10)), (9, (9, 9)), (300, (6, 10))])
def test_images_of_one_size_keep_it_up_to_the_largest_side(
    tmp_path: Path, max_side: int | None, size: tuple[int, int]
) -> None:
    Image.fromarray(COLOUR).save(tmp_path / "a.png")
    assert common_form([tmp_path / "a.png"], None, max_side).size == size


@pytest.mark.parametrize(("max_side", "side"), [(None, 64), (32, 32), (96, 96)])
def test_images_of_different_sizes_get_the_largest_side(
    tmp_path: Path, max_side: int | None, side: int
) -> None:
    for name, pixels in (("a", COLOUR), ("b", COLOUR[:5])):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    assert common_form(paths, None, max_side).size == (side, side)
    assert common_form(paths, (3, 4), max_side).size == (3, 4)
