"""The report for readers who see little, use no mouse, or listen: contrast, keyboard, headings, alternatives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from results.open import Study
from tests.support.browser import CHROMIUM, Browser
from tests.support.contrast import LEAST_CONTRAST, contrasts
from tests.support.synthetic import searched, study, trial

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium or Chrome"),
    pytest.mark.slow,
]

_FOCUS = """(() => {
  const one = document.activeElement;
  const style = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  return {
    name: one.ariaLabel || one.textContent.trim() || one.id,
    isBody: one === document.body,
    outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
    place: [...document.querySelectorAll("*")].indexOf(one),
    isShown: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
  };
})()"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as one:
        yield one


@pytest.fixture(scope="module")
def made() -> Study:
    records = searched(24, effect=lambda values: 0.02 * (values["share"] == "level"))
    records.append(trial(90, 5000, 0.93, reference="mgnet-cifar"))
    records.append(trial(91, 5000, None, reason="the loss is not finite"))
    return study(records)


@pytest.fixture(scope="module")
def page(made: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.report(tmp_path_factory.mktemp("page") / "report.html")


def wait_for_charts(browser: Browser, root: str = "main") -> None:
    browser.wait(
        f"[...document.querySelectorAll('{root} .plot')].every(plot => plot.querySelector('.main-svg'))"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_enough_contrast(browser: Browser, page: Path, made: Study, dark: bool) -> None:
    browser.open(page, dark=dark)
    wait_for_charts(browser)
    browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    found = contrasts(browser)
    browser.click(f"td [data-details='trial-{made.front_records[0].number}']")
    wait_for_charts(browser, "#details")
    found += contrasts(browser, "#details")
    assert len(found) > 300
    assert [text for text in found if text[1] < LEAST_CONTRAST] == []


def test_a_faint_text_is_found(browser: Browser, page: Path) -> None:
    browser.open(page)
    browser.evaluate("document.querySelector('h1').style.color = '#aaaaaa'")
    found = contrasts(browser, "h1")
    assert found == [["digits", pytest.approx(2.15, abs=0.05)]]


@pytest.mark.parametrize("width", [1280, 390])
def test_tab_visits_every_control_in_order_with_a_visible_focus(
    browser: Browser, page: Path, width: int
) -> None:
    browser.open(page, width=width)
    wait_for_charts(browser)
    visited: list[dict[str, Any]] = []
    for _ in range(400):
        browser.press("Tab")
        focus = browser.evaluate(_FOCUS)
        if focus["isBody"]:
            break
        visited.append(focus)
    assert focus["isBody"], "the focus leaves the page after its last control"
    places = [focus["place"] for focus in visited]
    assert places == sorted(set(places))
    assert [focus["name"] for focus in visited if focus["outline"] < 1 or not focus["isShown"]] == []
    controls = browser.evaluate(
        "(() => { const all = [...document.querySelectorAll('*')];"
        "return [...document.querySelectorAll('main :is(button:enabled, input, a, summary, [tabindex=\"0\"])')]"
        ".filter(one => one.checkVisibility()).map(one => all.indexOf(one)); })()"
    )
    assert len(controls) > 50
    assert set(controls) <= set(places)


def test_headings_are_in_order(browser: Browser, page: Path, made: Study) -> None:
    browser.open(page)
    browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    levels = (
        "[...document.querySelectorAll('{} :is(h1, h2, h3, h4, h5, h6)')].map(one => Number(one.tagName[1]))"
    )
    found = browser.evaluate(levels.format("main"))
    assert found[0] == 1
    assert found.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(found))
    browser.click(f"td [data-details='trial-{made.front_records[0].number}']")
    found = browser.evaluate(levels.format("#details"))
    assert found[0] == 2
    assert set(found[1:]) == {3}


def test_every_picture_has_a_text_alternative_and_every_table_headers(
    browser: Browser, page: Path, made: Study
) -> None:
    browser.open(page)
    wait_for_charts(browser)
    browser.click(f"td [data-details='trial-{made.front_records[0].number}']")
    wait_for_charts(browser, "#details")
    nodes = browser.call("Accessibility.getFullAXTree")["nodes"]
    pictures = [node for node in nodes if node.get("role", {}).get("value") == "image"]
    assert len(pictures) >= 2
    assert [node for node in pictures if not node.get("name", {}).get("value")] == []
    without_headers = browser.evaluate(
        "[...document.querySelectorAll('table')].filter(one => !one.querySelector('th[scope]')).length"
    )
    assert without_headers == 0


def test_changes_are_announced(browser: Browser, page: Path) -> None:
    browser.open(page)
    live = browser.evaluate(
        "[...document.querySelectorAll('[aria-live]')].map(one => [one.id || one.parentElement.id, one.ariaLive])"
    )
    assert live == [["by-accuracy", "polite"], ["by-budget", "polite"], ["announcement", "polite"]]
