"""Write photographs as the bytes that the C code of an export reads: scaled, cropped, row by row.

    python photos_to_bytes.py EXPORT PHOTOS images.bin

It prints the path of each photograph.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def on_white(image: Image.Image) -> Image.Image:
    """Return the image without transparency."""
    if not image.has_transparency_data:
        return image
    drawn = image.convert("RGBA")
    paper = Image.new("RGBA", drawn.size, "white")
    paper.alpha_composite(drawn)
    return paper


def main() -> None:
    """Convert all PNG and JPEG files below a folder."""
    export, photos, file = (Path(word) for word in sys.argv[1:4])
    facts = json.loads((export / "export.json").read_text(encoding="utf-8"))["preprocessing"]
    height, width = facts["image_size"]
    mode = "L" if facts["channels"] == 1 else "RGB"
    paths = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    with file.open("wb") as out:
        for path in paths:
            with Image.open(path) as image:
                upright = on_white(ImageOps.exif_transpose(image)).convert(mode)
                fitted = ImageOps.fit(upright, (width, height), Image.Resampling.BILINEAR)
            out.write(np.asarray(fitted, dtype=np.uint8).tobytes())
            print(path)


if __name__ == "__main__":
    main()
