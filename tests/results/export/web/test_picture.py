"""The pixels that picture.js makes are those of Pillow.

They equal those of two passes, rows first, to the bit. Pillow 13 begins with the columns of some tall pictures, which
changes the rounding of single values by 1.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from tests.support.browser import CHROMIUM, Browser
from tests.support.profiles import examples

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium or Chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        source = (files("results.export.web") / "picture.js").read_text(encoding="utf-8")
        browser.evaluate(
            f"{source}; window.bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)); "
            "window.bands = (data, width, first) => "
            "[[0, {width, height: first, data: data.slice(0, 4 * width * first)}], "
            "[first, {width, height: data.length / width / 4 - first, data: data.slice(4 * width * first)}]]; "
            "window.fit = (text, width, height, channels, columns, rows, first) => Array.from("
            "fitted(bands(bytes(text), width, first), width, height, channels, columns, rows).data); 0"
        )
        yield browser


def base64_of(pixels: np.ndarray) -> str:
    return base64.b64encode(pixels.tobytes()).decode()


def rows_first(picture: Image.Image, columns: int, rows: int) -> Image.Image:
    """The picture scaled to cover the size and cropped at the centre, by one pass for each direction."""
    width, height = picture.size
    part_width = min(width, columns / rows * height)
    part_height = min(height, width / (columns / rows))
    left, top = (width - part_width) / 2, (height - part_height) / 2
    wide = picture.resize((columns, height), Image.Resampling.BILINEAR, (left, 0, left + part_width, height))
    box = (0, top, columns, top + part_height)
    return wide.resize((columns, rows), Image.Resampling.BILINEAR, box)


sizes = st.integers(1, 40)


@examples(80)
@given(sizes, sizes, sizes, sizes, st.sampled_from([1, 3]))
@example(32, 32, 32, 32, 3)
@example(8, 30, 8, 8, 1)
@example(400, 300, 9, 7, 1)
def test_fitted_pixels_equal_those_of_pillow(
    browser: Browser, width: int, height: int, columns: int, rows: int, channels: int
) -> None:
    pixels = np.random.default_rng(width).integers(0, 256, (height, width, 4), dtype=np.uint8)
    picture = Image.fromarray(pixels[..., :3]).convert("L" if channels == 1 else "RGB")
    expected = np.asarray(ImageOps.fit(picture, (columns, rows), Image.Resampling.BILINEAR))
    in_passes = np.asarray(rows_first(picture, columns, rows))
    first = height // 3
    found = browser.evaluate(
        f"fit('{base64_of(pixels)}', {width}, {height}, {channels}, {columns}, {rows}, {first})"
    )
    fitted = np.array(found, np.uint8).reshape(expected.shape)
    np.testing.assert_array_equal(fitted, in_passes)
    np.testing.assert_allclose(fitted.astype(int), expected, atol=1)


def test_input_has_channels_first_and_pixels_from_0_to_1(browser: Browser) -> None:
    found = browser.evaluate(
        "Array.from(networkInput({width: 2, height: 1, channels: 3, data: [0, 51, 255, 102, 153, 204]}))"
    )
    np.testing.assert_allclose(found, np.array([0, 102, 51, 153, 255, 204]) / 255, atol=1e-7)


def test_softmax_of_large_logits_is_finite(browser: Browser) -> None:
    np.testing.assert_allclose(browser.evaluate("softmax([1000, 1000, -1000])"), [0.5, 0.5, 0])


def test_bands_of_a_large_picture_are_its_rows_on_white(browser: Browser) -> None:
    found = browser.evaluate(
        "(() => { const canvas = document.createElement('canvas'); canvas.width = 5000; canvas.height = 1000; "
        "const context = canvas.getContext('2d'); context.fillStyle = 'rgb(10, 20, 30)'; "
        "context.fillRect(0, 0, 5000, 500); "
        "return [...bandsOf(canvas, 5000, 1000)].map(([top, {width, height, data}]) => [top, width, height, "
        "data.length, Array.from(data.slice(0, 3)), Array.from(data.slice(-4, -1))]); })()"
    )
    dark, white = [10, 20, 30], [255, 255, 255]
    assert found == [
        [0, 5000, 838, 4 * 838 * 5000, dark, white],
        [838, 5000, 162, 4 * 162 * 5000, white, white],
    ]
