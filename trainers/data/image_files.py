"""Single image files: their common form, and their pixels in that form."""

from __future__ import annotations

import os
import re
import threading
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.core.errors import InvalidInputError, reason_of, shortened
from space.core.system_errors import explain_system_error

GREY_MODES = ("1", "L", "LA", "I", "F")
EXIF_ORIENTATION = 0x0112
"""EXIF tag of the orientation. Values of 5 and above exchange height and width."""
PNG_EXIF_CHUNKS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
"""Chunks of a PNG file in which programs store the orientation."""
LARGEST_OWN_SIZE = 256
"""Largest side in pixels that images of equal size keep if the study sets none."""
DEFAULT_SIZE = 64
"""Height and width in pixels if the study sets no size and the images differ in size or exceed 256."""


@dataclass(frozen=True)
class ImageForm:
    """The common form of all images: size (H, W) in pixels, and Pillow's mode, L or RGB."""

    size: tuple[int, int]
    mode: str

    @property
    def channels(self) -> int:
        """Channels of an image: 1 or 3."""
        return 1 if self.mode == "L" else 3


class _QuietPillow(AbstractContextManager[None]):
    """Hides Pillow's warnings while any thread reads images.

    ``warnings.catch_warnings`` changes the filters of the whole process. Threads that overlap would restore
    each other's filters. Therefore the first thread enters it, and the last thread leaves it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._num_inside = 0
        self._filters = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            self._num_inside += 1
            if self._num_inside == 1:
                self._filters = warnings.catch_warnings()
                self._filters.__enter__()
                warnings.filterwarnings("ignore", module=r"PIL\.")

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._num_inside -= 1
            if self._num_inside == 0:
                self._filters.__exit__(None, None, None)


_quiet_pillow = _QuietPillow()


def _open(path: Path) -> Any:
    from PIL import Image

    if path.exists() and not (path.is_file() or path.is_dir()):  # opening a named pipe waits for a writer
        raise InvalidInputError(f"{path} is no regular file; name an image file")
    try:
        with _quiet_pillow:
            image = Image.open(path)
    except Image.DecompressionBombError as error:
        raise _too_large(path, error) from None
    except OSError as error:
        if error.errno is not None:  # an error of the operating system, not of the content
            raise InvalidInputError(f"{path} cannot be read: {explain_system_error(error)}") from None
        raise _no_image(path, error) from None
    except Exception as error:  # Pillow raises nearly any exception for damaged files
        raise _no_image(path, error) from None
    if image.mode == "LAB":
        image.close()
        raise InvalidInputError(
            f"{path} stores LAB colours, and its white point is unknown; save the image as RGB"
        )
    if image.format == "TIFF":
        # Pillow 13 maps uncompressed files into memory, and swaps height and width of rotated ones.
        # Without a name, Pillow does not map the file.
        image.filename = ""
    return image


def _no_image(path: Path, error: Exception) -> InvalidInputError:
    return InvalidInputError(f"{path} is no image that can be read: {shortened(str(error))}")


def _too_large(path: Path, error: Exception) -> InvalidInputError:
    """Return Pillow's error for a very large image as one line with a remedy."""
    from PIL import Image

    found = re.search(r"\((\d+) pixels\)", str(error))
    pixels = f"{int(found[1]):,} pixels" if found else "too many pixels"
    limit = f"; the limit is {2 * Image.MAX_IMAGE_PIXELS:,}" if Image.MAX_IMAGE_PIXELS else ""
    return InvalidInputError(
        f"{path} has {pixels}{limit}: scale the image down, cut it into tiles, or move it away"
    )


def common_form(
    paths: Sequence[Path], asked: tuple[int, int] | None, max_side: int | None = None
) -> ImageForm:
    """Return the common form of all images. Only headers are read.

    Args:
        paths: The image files.
        asked: Height and width in pixels from the study. None: the size of the images if all are equal and
            no side exceeds ``max_side``, otherwise a square of that side.
        max_side: The largest side in pixels. None: 256 for images of equal size, otherwise 64.

    Raises:
        InvalidInputError: A file cannot be read, is not an image, is too large, or has LAB colours.
    """
    sizes: Counter[tuple[int, int]] = Counter()
    is_grey = True
    for path in paths:
        with _open(path) as image:
            is_turned = _is_on_its_side(image)
            sizes[(image.width, image.height) if is_turned else (image.height, image.width)] += 1
            is_grey = is_grey and (image.mode in GREY_MODES or image.mode.startswith("I;16"))
    mode = "L" if is_grey else "RGB"
    if asked is not None:
        return ImageForm(asked, mode)
    only = next(iter(sizes))
    if len(sizes) == 1 and max(only) <= (max_side or LARGEST_OWN_SIZE):
        return ImageForm(only, mode)
    side = max_side or DEFAULT_SIZE
    return ImageForm((side, side), mode)


def _is_on_its_side(image: Any) -> bool:
    """Return whether the orientation exchanges height and width. A damaged EXIF block is ignored."""
    from PIL import Image

    if image.format == "TIFF":  # Pillow returns the size of the upright image
        return False
    with suppress(Exception):  # Pillow raises nearly any exception for a damaged EXIF block
        if image.format == "PNG" and _has_late_exif(image):
            image.load()
        # not PngImageFile.getexif: it decodes the whole image first
        return int(Image.Image.getexif(image).get(EXIF_ORIENTATION, 1)) >= 5
    return False


def _has_late_exif(image: Any) -> bool:
    """Return whether a PNG file has EXIF or text chunks after its pixels. ``Image.open`` misses them."""
    with Path(image.filename).open("rb") as file:
        file.seek(len(b"\x89PNG\r\n\x1a\n"))
        is_behind = False
        while len(header := file.read(8)) == 8:
            length, kind = int.from_bytes(header[:4]), header[4:]
            if is_behind and kind in PNG_EXIF_CHUNKS:
                return True
            is_behind = is_behind or kind == b"IDAT"
            file.seek(length + 4, os.SEEK_CUR)
    return False


def read_pixels(path: Path, form: ImageForm) -> NDArray[np.uint8]:
    """Return one image as uint8 H W C, scaled to cover the size and cropped symmetrically.

    Raises:
        InvalidInputError: The file cannot be read, is damaged or too large, or has LAB colours or 32-bit
            pixels.
    """
    from PIL import Image, ImageOps

    with _open(path) as image:
        try:
            with _quiet_pillow:
                upright = _on_white(_eight_bits(path, ImageOps.exif_transpose(image))).convert(form.mode)
                fitted = ImageOps.fit(upright, (form.size[1], form.size[0]), Image.Resampling.BILINEAR)
        except InvalidInputError:
            raise
        except Image.DecompressionBombError as error:
            raise _too_large(path, error) from None
        except Exception as error:  # Pillow raises nearly any exception for damaged files
            if isinstance(error, OSError) and error.errno is not None:
                raise InvalidInputError(f"{path} cannot be read: {explain_system_error(error)}") from None
            raise InvalidInputError(f"{path} is damaged: {reason_of(error)}") from None
    pixels = np.asarray(fitted, dtype=np.uint8)
    return pixels[..., None] if form.mode == "L" else pixels


def _on_white(image: Any) -> Any:
    """Return the image without transparency, composited on a white background."""
    from PIL import Image

    if not image.has_transparency_data:
        return image
    drawn = image.convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "white")
    paper.alpha_composite(drawn)
    return paper


def _eight_bits(path: Path, image: Any) -> Any:
    """Return the image with 8-bit pixels. 16-bit pixels keep their upper 8 bits.

    Raises:
        InvalidInputError: The pixels have 32 bits, with an unknown range.
    """
    from PIL import Image

    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode == "F" or (image.mode == "I" and not 256 <= values.max() < 65536 and values.any()):
        raise InvalidInputError(
            f"{path} has pixels of 32 bits ({image.mode}), whose range is unknown: save it with 8 or 16"
        )
    return Image.fromarray((values.astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
