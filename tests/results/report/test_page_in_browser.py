"""The report in a real browser: every control, by mouse and by keyboard."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from results.open import Study
from results.picks import best_within, smallest_from
from results.storage.records import NetworkCosts
from tests.support.browser import CHROMIUM, Browser
from tests.support.synthetic import searched, study, trial
from tests.support.waiting import wait_until

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium or Chrome"),
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as one:
        yield one


@pytest.fixture(scope="module")
def made() -> Study:
    records = searched(24)
    records.append(trial(90, 5000, 0.93, reference="mgnet-cifar"))
    return study(records)


@pytest.fixture(scope="module")
def page(made: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.report(tmp_path_factory.mktemp("page") / "report.html")


@pytest.fixture
def opened(browser: Browser, page: Path) -> Iterator[Browser]:
    browser.open(page)
    browser.evaluate("localStorage.clear()")
    yield browser
    assert browser.messages == []


def set_value(browser: Browser, selector: str, value: str) -> None:
    browser.evaluate(
        f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)}; "
        "e.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )


def result_of(browser: Browser, form: str) -> str:
    return str(browser.evaluate(f"document.querySelector('#{form} .result').dataset.trial"))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_has_no_error_and_does_not_scroll_sideways(
    browser: Browser, page: Path, width: int, dark: bool
) -> None:
    browser.open(page, width=width, dark=dark)
    browser.wait("document.querySelectorAll('#chart-front .main-svg').length")
    assert browser.evaluate("document.documentElement.scrollWidth") == width
    assert browser.messages == []
    background = "rgb(15, 20, 26)" if dark else "rgb(246, 247, 249)"
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == background


def test_the_slider_of_accuracy_picks_what_python_picks(opened: Browser, made: Study) -> None:
    rng = random.Random(1)
    exact = [100 * (record.val_accuracy or 0) for record in made.front_records]
    for percent in [*exact, *(rng.uniform(50, 100) for _ in range(60))]:
        set_value(opened, "#accuracy-number", repr(percent))
        found = smallest_from(made.front_records, percent / 100, made.objectives)
        assert result_of(opened, "by-accuracy") == ("" if found is None else str(found.number)), percent


def test_the_slider_of_accuracy_moves_by_keyboard_and_names_the_network(opened: Browser, made: Study) -> None:
    opened.evaluate("document.querySelector('#accuracy-slider').focus()")
    opened.press("Home")
    smallest = made.front_records[0]
    assert result_of(opened, "by-accuracy") == str(smallest.number)
    text = opened.evaluate("document.querySelector('#by-accuracy .result').innerText")
    assert smallest.notation in text
    assert f"mgnas export runs/digits --trial {smallest.number}" in text
    opened.press("ArrowRight")
    low = float(opened.evaluate("document.querySelector('#accuracy-slider').min"))
    assert float(opened.evaluate("document.querySelector('#accuracy-number').value")) == pytest.approx(
        low + 0.1
    )
    opened.press("End")
    assert result_of(opened, "by-accuracy") != ""
    assert opened.evaluate("document.querySelector('#by-accuracy .result').ariaLive") == "polite"


def test_an_accuracy_that_no_network_has_is_said_to_be_so(opened: Browser) -> None:
    set_value(opened, "#accuracy-number", "99.99")
    text = opened.evaluate("document.querySelector('#by-accuracy .result').innerText")
    assert "No network of the front has 99.99 %" in text


def test_sliders_of_several_costs_pick_what_python_picks(browser: Browser, tmp_path: Path) -> None:
    rng = random.Random(3)
    records = [
        trial(
            number,
            rng.randint(500, 50_000),
            rng.uniform(0.5, 0.99),
            network_costs=NetworkCosts(latency_ms=rng.uniform(0.1, 4)),
        )
        for number in range(60)
    ]
    made = study(records, cost_ranges={"params": (100, 100_000), "latency_ms": None})
    browser.open(made.report(tmp_path / "report.html"))
    for _ in range(60):
        params, latency = rng.uniform(300, 60_000), rng.uniform(0.05, 4.5)
        set_value(browser, "#params-number", repr(params))
        set_value(browser, "#latency_ms-number", repr(latency))
        found = best_within(made.front_records, {"params": params, "latency_ms": latency})
        assert result_of(browser, "by-budget") == ("" if found is None else str(found.number))
    for position in ("0", "200"):
        for name in ("params", "latency_ms"):
            set_value(browser, f"#{name}-slider", "200")
        set_value(browser, "#params-slider", position)
        limit = float(browser.evaluate("document.querySelector('#params-number').value"))
        found = best_within(made.front_records, {"params": limit})
        assert found is not None
        assert result_of(browser, "by-budget") == str(found.number)
    assert browser.messages == []


def test_details_open_by_keyboard_and_give_the_focus_back(opened: Browser, made: Study) -> None:
    names = [f"trial-{record.number}" for record in made.front_records]
    opener = f"td [data-details='{names[1]}']"
    opened.evaluate(f'document.querySelector("{opener}").focus()')
    opened.press("Enter")
    assert opened.evaluate("document.querySelector('#details').open")
    assert opened.evaluate("document.activeElement.id") == "details-title"
    assert opened.evaluate("document.querySelector('#details svg title').textContent").startswith(
        "Diagram of"
    )
    opened.wait("document.querySelectorAll('#details .plot .main-svg').length")
    opened.evaluate("document.querySelector('[data-step=\"1\"]').focus()")
    opened.press("Enter")
    assert f"Trial {made.front_records[2].number}" in opened.evaluate(
        "document.querySelector('#details h2').innerText"
    )
    opened.press("Escape")
    # the browser sends the event "close" after it has closed the dialog
    opened.wait("!document.querySelector('#details .content').childElementCount")
    assert not opened.evaluate("document.querySelector('#details').open")
    assert opened.evaluate("document.activeElement.dataset.details") == names[1]


def test_details_opened_again_at_once_keep_their_content(opened: Browser, made: Study) -> None:
    opener = f"td [data-details='trial-{made.front_records[0].number}']"
    opened.click(opener)
    opened.evaluate(
        "new Promise(done => { const dialog = document.querySelector('#details');"
        " dialog.addEventListener('close', () => setTimeout(done)); dialog.close();"
        f' document.querySelector("{opener}").click(); }})'
    )
    assert opened.evaluate("document.querySelector('#details').open")
    assert opened.evaluate("document.querySelector('#details h2').innerText").startswith("Trial")


def test_the_focus_stays_in_the_details(opened: Browser, made: Study) -> None:
    opened.click(f"td [data-details='trial-{made.front_records[0].number}']")
    # the tool bar of the browser, which follows the last control, counts as the body
    is_inside = (
        "document.activeElement === document.body || document.activeElement.closest('dialog') !== null"
    )
    inside = []
    for _ in range(30):
        opened.press("Tab")
        inside.append(opened.evaluate(is_inside))
    assert all(inside)
    opened.click("[data-close]")
    opened.wait("!document.querySelector('#details').open")


def test_details_of_a_reference_name_it(opened: Browser) -> None:
    opened.click("td [data-details='trial-90']")
    assert (
        opened.evaluate("document.querySelector('#details h2').innerText")
        == "Reference mgnet-cifar, trial 90"
    )


def test_a_click_on_a_point_opens_its_details(opened: Browser, made: Study) -> None:
    opened.wait("document.querySelectorAll('#chart-front .points path').length")
    opened.evaluate(
        "document.querySelector('#chart-front').scrollIntoView({block: 'center', behavior: 'instant'})"
    )
    look = """(() => {
          const chart = document.querySelector('#chart-front');
          const index = chart.data.findIndex(trace => trace.name === 'front');
          const { x, y, customdata } = chart.data[index];
          const { xaxis, yaxis } = chart._fullLayout;
          const box = chart.getBoundingClientRect();
          const last = x.length - 1;
          const place_x = box.x + xaxis._offset + xaxis.d2p(x[last]);
          return [place_x, box.y + yaxis._offset + yaxis.d2p(y[last]), customdata[last]];
        })()"""
    places = [opened.evaluate(look)]
    # other charts are drawn when they come into view, and move this one
    wait_until(lambda: places.append(opened.evaluate(look)) or places[-1] == places[-2], "a chart at rest")
    x, y, number = places[-1]
    opened.click_at(x, y)
    opened.wait("document.querySelector('#details').open")
    assert opened.evaluate("document.querySelector('#details h2').innerText") == f"Trial {number}"


def test_a_command_is_copied(opened: Browser, made: Study) -> None:
    opened.call(
        "Browser.grantPermissions",
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
        session=False,
    )
    opened.click("#choose article [data-copy]")
    opened.wait("document.querySelector('#announcement').textContent === 'The command is copied.'")
    copied = opened.evaluate("navigator.clipboard.readText()")
    assert made.recommended is not None
    assert copied == f"mgnas export runs/digits --trial {made.recommended.number}"


def test_the_colours_can_be_chosen_and_are_kept(opened: Browser, page: Path) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = opened.evaluate(paper)
    opened.click("[data-theme='dark']")
    assert opened.evaluate(paper) == "rgb(15, 20, 26)"
    assert opened.evaluate("document.querySelector('[data-theme=dark]').ariaPressed") == "true"
    opened.open(page)
    assert opened.evaluate(paper) == "rgb(15, 20, 26)"
    opened.open(page, dark=True)
    opened.click("[data-theme='light']")
    assert opened.evaluate(paper) == light
    opened.click("[data-theme='auto']")
    assert opened.evaluate(paper) == "rgb(15, 20, 26)"


@pytest.mark.parametrize("form", ["svg", "png"])
def test_charts_and_diagrams_are_saved(opened: Browser, made: Study, form: str) -> None:
    number = made.front_records[0].number
    buttons = "document.querySelectorAll('[data-save=svg]')"
    saved = opened.evaluate(f"[...{buttons}].map(b => b.dataset.figure || b.dataset.picture)")
    assert {"front", "curves", "rungs", "parallel", "effect-share", "effect-width"} <= set(saved)
    for name in saved:
        opened.click(f":is([data-figure='{name}'], [data-picture='{name}'])[data-save='{form}']")
        check_picture(opened.downloaded(f"digits-{name}.{form}"))
    opened.click(f"td [data-details='trial-{number}']")
    for kind, name in (("picture", f"diagram-trial-{number}"), ("figure", f"curve-trial-{number}")):
        opened.click(f"#details [data-{kind}][data-save='{form}']")
        check_picture(opened.downloaded(f"digits-{name}.{form}"))


def check_picture(file: Path) -> None:
    content = file.read_bytes()
    if file.suffix == ".png":
        assert content.startswith(b"\x89PNG")
        assert len(content) > 3000
    else:
        assert content.lstrip().startswith(b"<svg")
        assert b"var(--" not in content


def test_views_of_the_front_change_its_axis(browser: Browser, tmp_path: Path) -> None:
    records = [trial(n, 1000 + 100 * n, 0.9 + 0.001 * n) for n in range(20)]
    browser.open(study([*records, trial(20, 3000, 0.2)]).report(tmp_path / "report.html"))
    low = "document.querySelector('#chart-front').layout.yaxis.range[0]"
    browser.wait("document.querySelectorAll('#chart-front .main-svg').length")
    before = browser.evaluate(low)
    browser.click("[data-chart='front'][data-view='everything']")
    browser.wait(f"{low} < {before} - 20")
    assert browser.evaluate("document.querySelector('[data-view=everything]').ariaPressed") == "true"


def test_a_study_without_results_has_a_page_without_errors(browser: Browser, tmp_path: Path) -> None:
    browser.open(study([]).report(tmp_path / "report.html"))
    assert browser.evaluate("document.querySelector('#choose')") is None
    assert browser.messages == []


def test_every_control_has_a_name_and_every_section_a_heading(opened: Browser) -> None:
    unnamed = opened.evaluate(
        """[...document.querySelectorAll('button, input')].filter(e =>
          !e.textContent.trim() && !e.ariaLabel && !document.querySelector(`label[for="${e.id}"]`)).length"""
    )
    assert unnamed == 0
    assert opened.evaluate("[...document.querySelectorAll('section')].every(s => s.querySelector('h2'))")
    assert opened.evaluate("document.querySelectorAll('main, h1').length") == 2
    assert opened.evaluate("[...document.querySelectorAll('thead th')].every(h => h.scope === 'col')")
