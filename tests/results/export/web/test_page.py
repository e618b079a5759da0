"""The page ``web/index.html`` in a real browser, opened as a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.notation.parse import parse_notation
from tests.support.browser import CHROMIUM, Browser
from tests.support.contrast import LEAST_CONTRAST, contrasts
from tests.support.pages import Page, page_of, shown

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium or Chrome")

CLASSES = ("cat", "<b>dog</b>", "</script>", "ñandú", "a" * 90, "f", "g")


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> Page:
    spec = parse_notation("MgNet[2,1]-[(4,3),(5,6)]-B^l", in_channels=3, num_classes=7)
    return page_of(spec, tmp_path_factory.mktemp("colour"), CLASSES)


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Page:
    spec = parse_notation("MgNet[1,1]-4-B^l", in_channels=1, num_classes=3)
    return page_of(spec, tmp_path_factory.mktemp("grey"), ("x", "y", "z"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG, a JPEG that lies on its side, a PNG with a transparent part, one of the network's size, and no picture."""
    folder = tmp_path_factory.mktemp("pictures")
    rough = np.random.default_rng(3).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    photo = Image.fromarray(rough).resize((210, 150), Image.Resampling.BICUBIC)
    photo.save(folder / "photo.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(folder / "turned.jpg", exif=exif, quality=92)
    clear = photo.convert("RGBA")
    clear.paste((10, 200, 30, 90), (60, 40, 180, 120))
    clear.save(folder / "clear.png")
    photo.resize((16, 12)).save(folder / "exact.png")
    (folder / "no picture.jpg").write_text("no")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        yield browser


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [("photo.png", 0.02), ("turned.jpg", 0.1), ("clear.png", 0.5), ("exact.png", 0.02)],
)
@pytest.mark.parametrize("kind", ["colour", "grey"])
def test_dropped_picture_has_the_probabilities_of_predict(
    browser: Browser, request: pytest.FixtureRequest, pictures: Path, kind: str, name: str, tolerance: float
) -> None:
    page: Page = request.getfixturevalue(kind)
    browser.open(page.file)
    browser.drag_files("#drop", pictures / name)
    browser.wait("document.querySelectorAll('article').length === 1")
    if kind == "colour":
        browser.click(".more")
    found, expected = shown(browser), page.predicted(pictures / name)
    assert list(found) == sorted(expected, key=lambda key: -expected[key])
    assert found == pytest.approx(expected, abs=tolerance)
    assert max(expected.values()) > 1.5 * 100 / len(expected), "the network prefers a class"
    assert browser.evaluate("document.querySelector('article .best').textContent") == next(iter(found))
    assert browser.messages == []
    assert browser.evaluate("performance.getEntriesByType('resource').length") == 0


def test_several_chosen_files_give_results_and_name_those_that_are_no_pictures(
    browser: Browser, colour: Page, pictures: Path
) -> None:
    browser.open(colour.file)
    browser.choose_files("#file", *(pictures / name for name in ("photo.png", "no picture.jpg", "exact.png")))
    browser.wait("!document.getElementById('alert').hidden")
    names = browser.evaluate(
        "Array.from(document.querySelectorAll('.name'), (e) => e.textContent.split(' · ')[0])"
    )
    assert names == ["exact.png", "photo.png"]
    assert "no picture.jpg" in browser.evaluate("document.getElementById('alert').textContent")
    assert "exact.png: " in browser.evaluate("document.getElementById('status').textContent")
    browser.choose_files("#file", pictures / "photo.png")
    browser.wait("document.querySelectorAll('article').length === 3")
    assert browser.evaluate("document.getElementById('alert').hidden")


def test_browser_without_options_for_decoding_reads_pictures_too(
    browser: Browser, colour: Page, pictures: Path
) -> None:
    browser.open(colour.file)
    browser.evaluate(
        "(() => { const decode = createImageBitmap; window.createImageBitmap = async (file, options) => { "
        "if (Object.keys(options).length) throw new TypeError('unknown'); return decode(file); }; })()"
    )
    browser.choose_files("#file", pictures / "turned.jpg")
    browser.wait("document.querySelectorAll('article').length === 1")
    browser.click(".more")
    assert shown(browser) == pytest.approx(colour.predicted(pictures / "turned.jpg"), abs=0.1)


def test_page_works_with_the_keyboard(browser: Browser, colour: Page, pictures: Path) -> None:
    browser.open(colour.file)
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.id") == "choose"
    browser.evaluate("document.getElementById('file').addEventListener('click', (e) => { "
                     "e.preventDefault(); window.asked = true; })")  # fmt: skip
    browser.press("Enter")
    browser.wait("window.asked")
    browser.choose_files("#file", pictures / "photo.png")
    browser.wait("document.querySelectorAll('article').length === 1")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.id") == "camera"
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.textContent") == "Show all 7 classes"
    assert len(shown(browser)) == 5
    browser.press(" ")
    browser.wait("document.querySelectorAll('li').length === 7")
    assert browser.evaluate("document.activeElement.textContent") == "Show fewer classes"


def test_drag_marks_the_target_and_a_link_or_an_empty_clipboard_is_explained(
    browser: Browser, colour: Page, pictures: Path
) -> None:
    browser.open(colour.file)
    browser.drag_files("#drop", pictures / "photo.png", drop=False)
    browser.wait("document.getElementById('drop').classList.contains('over')")
    browser.evaluate("document.dispatchEvent(new DragEvent('drop', {dataTransfer: new DataTransfer()}))")
    assert "no file" in browser.evaluate("document.getElementById('alert').textContent")
    assert not browser.evaluate("document.getElementById('drop').classList.contains('over')")
    browser.evaluate(
        "document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: new DataTransfer()}))"
    )
    assert "clipboard" in browser.evaluate("document.getElementById('alert').textContent")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_page_fits_every_width_and_follows_the_colour_scheme(
    browser: Browser, colour: Page, pictures: Path, width: int
) -> None:
    grounds = []
    for dark in (False, True):
        browser.open(colour.file, width=width, height=800, dark=dark)
        browser.drag_files("#drop", pictures / "photo.png")
        browser.wait("document.querySelectorAll('article').length === 1")
        browser.click(".more")
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        grounds.append(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] != grounds[1]


@pytest.mark.parametrize("dark", [False, True])
def test_texts_have_enough_contrast(browser: Browser, colour: Page, pictures: Path, dark: bool) -> None:
    browser.open(colour.file, dark=dark)
    browser.choose_files("#file", pictures / "photo.png", pictures / "no picture.jpg")
    browser.wait("!document.getElementById('alert').hidden")
    browser.evaluate("document.querySelectorAll('li').forEach((row) => "
                     "{ row.style.background = 'var(--bar)'; })")  # fmt: skip
    found = contrasts(browser)
    assert len(found) > 15
    assert [text for text in found if text[1] < LEAST_CONTRAST] == []


def test_camera_shows_classes_until_it_is_stopped(grey: Page) -> None:
    with Browser("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        browser.open(grey.file)
        browser.click("#camera")
        browser.wait("document.querySelectorAll('#live li').length === 3")
        assert sum(shown(browser, "#live").values()) == pytest.approx(100, abs=0.05)
        assert browser.evaluate("document.getElementById('camera').ariaPressed") == "true"
        browser.click("#camera")
        browser.wait("document.getElementById('live').hidden")
        assert browser.evaluate("document.getElementById('video').srcObject") is None
        assert browser.messages == []


def test_missing_camera_is_explained(browser: Browser, grey: Page) -> None:
    browser.open(grey.file)
    browser.click("#camera")
    browser.wait("!document.getElementById('alert').hidden")
    assert "camera" in browser.evaluate("document.getElementById('alert').textContent")


def test_page_warns_if_the_browser_computes_other_logits(
    browser: Browser, grey: Page, tmp_path: Path
) -> None:
    shutil.copy(grey.file, tmp_path / "page.html")
    browser.open(tmp_path / "page.html")
    assert browser.evaluate("document.getElementById('alert').hidden")
    text = grey.file.read_text(encoding="utf-8")
    assert text.count('"check": [') == 1
    (tmp_path / "page.html").write_text(text.replace('"check": [', '"check": [1.5, '), encoding="utf-8")
    browser.open(tmp_path / "page.html")
    assert "other values" in browser.evaluate("document.getElementById('alert').textContent")
