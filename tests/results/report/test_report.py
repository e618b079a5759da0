from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from plotly.offline import get_plotlyjs

from results.effects import hyperparameter_effects
from results.report.effects import effects_charts
from results.report.page import render_report
from results.storage.records import NetworkCosts, PlannedTraining
from results.tables import few_numbers
from tests.support.html_page import Page
from tests.support.synthetic import searched, study, trial

EVIL = "</script><script>alert(1)</script> & \"q\" 'p' $name \u2028"


def read(made) -> Page:
    return Page(render_report(made))


def test_the_table_holds_every_network_of_the_front_with_its_export_command():
    made = study(searched(), folder="runs/my study")
    rows = {row[0]: row for row in read(made).rows if len(row) == 9 and row[0]}
    assert set(rows) == {str(t.number) for t in made.front_records}
    for record in made.front_records:
        row = rows[str(record.number)]
        assert record.notation in row[1]
        low, high = made.header.sampling.interval(record.val_accuracy)
        assert row[2:8] == [
            f"{record.params:,}",
            f"{record.macs:,}",
            f"{100 * record.val_accuracy:.2f}\u00a0%{100 * low:.1f} to {100 * high:.1f} %",
            few_numbers(made.equal_to[record.number]),
            str(record.epochs),
            record.arch,
        ]
        assert row[8] == f"mgnas export 'runs/my study' --trial {record.number}"


def test_long_texts_of_the_front_are_broken_where_the_page_is_narrow():
    """Else the last column, the command that exports, is cut off on a screen of 1280 pixels."""
    page = read(study(searched()))
    cells = [attrs.get("class") for tag, attrs in page.elements if tag == "td"]
    first = cells.index("number")
    assert cells[first : first + 9] == ["number", "text", *5 * ["number"], None, "command"]
    assert re.search(r"\.wide \.text \{ white-space: normal; overflow-wrap: anywhere;", page_styles())


def page_styles() -> str:
    return render_report(study(searched())).partition("</style>")[0]


def test_the_page_loads_nothing_from_elsewhere():
    page = read(study(searched()))
    linking = {"src", "href", "srcset", "data", "action", "poster"}
    links = [attrs[key] or "" for _, attrs in page.elements for key in linking & set(attrs)]
    assert links
    assert all(link.startswith("#") for link in links)
    assert not {"link", "iframe", "img", "object", "base"} & {tag for tag, _ in page.elements}
    styles = render_report(study(searched())).partition("</style>")[0]
    assert "@import" not in styles
    assert "url(" not in styles


def test_plotly_is_embedded_once():
    text = render_report(study(searched()))
    assert text.count(get_plotlyjs()) == 1
    assert len(text) < len(get_plotlyjs()) + 600_000


def test_accuracies_are_said_to_be_optimistic_validation_accuracies():
    text = read(study(searched())).text
    assert "measured on the validation split (360 images)" in text
    assert "never saw any test images" in text
    assert "Expect lower accuracy on new images" in text


def test_balanced_accuracies_are_said_to_be_so_and_have_no_interval():
    made = study(searched())
    assert "Without the selection" in read(made).text
    made.header.config["train"] = {"metric": "balanced_accuracy"}
    text = read(made).text
    assert "They are balanced: the mean of the accuracies of the classes" in text
    assert "Without the selection" not in text


def test_a_study_of_named_networks_speaks_of_trainings_and_seeds():
    records = [trial(0, 1000, 0.9), trial(1, 1000, 0.92), trial(2, 2000, 0.95)]
    plan = [PlannedTraining(record.notation, record.number) for record in records]
    text = read(study(records, plan=tuple(plan))).text
    assert "The trainings in figures" in text
    assert "Progress of the trainings" in text
    assert "The front has the best seed of each network, so its accuracies are optimistic." in text
    for said_of_searches in ("The search never saw", "was trained once", "In this space"):
        assert said_of_searches not in text


def test_key_figures():
    made = study([*searched(20), trial(20, 900, None, reason="loss is not finite")], trials=30)
    text = read(made).text
    assert "not complete" in text
    assert "21 of 30 trials" in text
    assert f"hypervolume{made.hypervolume:.3f}" in text
    assert "1 trial failed and is in no chart: loss is not finite (1×)." in text
    assert "seed7every trial" in text
    assert "search time3 min 30 s" in text


def test_the_first_cards_are_the_recommended_network_the_best_and_the_knee():
    made = study(searched(20))
    text = read(made).text
    recommended, knee, best = made.recommended, made.knee, made.front_records[-1]
    assert recommended is not None
    assert knee is not None
    assert len({recommended.number, knee.number, best.number}) == 3
    for record in (recommended, best, knee):
        low, high = made.header.sampling.interval(record.val_accuracy)
        assert (
            f"{100 * record.val_accuracy:.2f} %95 % interval {100 * low:.1f} to {100 * high:.1f} % · "
            f"{record.params:,} parameters · trial {record.number}{record.notation} details"
            f"mgnas export runs/digits --trial {record.number}"
        ) in text
    assert text.index("recommendedthe smallest within one standard error") < text.index("bestthe highest")


def test_a_network_of_several_roles_has_one_card():
    text = read(study([trial(0, 1000, 0.9), trial(1, 2000, 0.6)])).text
    assert (
        "recommended = bestthe smallest within one standard error of the best; the highest accuracy" in text
    )


def test_rare_values_are_named_without_an_effect():
    records = [
        replace(t, hyperparameters={"stem": "cifar" if t.number == 0 else "ab"[t.number % 2]})
        for t in searched(20)
    ]
    records[0] = replace(records[0], val_accuracy=0.5)
    page = effects_charts(hyperparameter_effects(records))
    assert "Too few trainings (under 3), left out: cifar (n 1)." in page
    assert ">cifar</text>" not in page


def test_what_comes_from_a_study_cannot_leave_its_place():
    records = [replace(t, notation=EVIL, arch=EVIL, hyperparameters={EVIL: t.number % 2}) for t in searched()]
    records.append(trial(len(records), 1000, None, reason=EVIL))
    made = study(
        records,
        folder="runs/" + EVIL.replace("/", ""),
        config={EVIL: EVIL, "train": {EVIL: [EVIL]}, "search": {"seed": EVIL}},
        data={"name": EVIL, "image_size": [EVIL], "classes": []},
        environment={EVIL: EVIL},
    )
    page = read(made)
    known = [replace(t, hyperparameters={"c_u": t.number % 2}) for t in searched()]
    plain = read(study(known, config={"train": {"epochs": 2}}))
    assert len(page.scripts) == len(plain.scripts) == 4
    meaning = {"small"}  # of a known hyperparameter
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in plain.elements} - meaning
    assert not [attrs for _, attrs in page.elements if any(key.startswith("on") for key in attrs)]
    assert "alert(1)" in page.text
    assert "alert(1)" not in page.scripts[3]
    assert not set("<>&\u2028") & set(page.scripts[0] + page.scripts[1])
    assert {"front", "hypervolume", "hypervolume-epochs", "curves", "parallel"} <= page.charts().keys()
    assert "$name" in page.text


def test_every_chart_has_its_place_and_the_colours_exist_in_both_themes():
    text = render_report(study(searched()))
    page = Page(text)
    ids = {attrs.get("id") for _, attrs in page.elements}
    assert {f"chart-{name}" for name in page.charts()} <= ids
    light, _, dark = text.partition("</script>")[0].partition('<style id="dark"')
    used = set(re.findall(r"var\((--[\w-]+)\)", json.dumps(page.charts()) + light))
    assert len(used) > 10
    for name in used:
        assert f"{name}:" in light
        assert f"{name}:" in dark


def test_every_chart_has_buttons_that_save_it():
    page = read(study(searched()))
    buttons = [attrs for tag, attrs in page.elements if tag == "button" and "data-save" in attrs]
    saved = [(b["data-figure"], b["data-save"]) for b in buttons if "data-figure" in b]
    assert sorted(saved) == sorted((name, form) for name in page.charts() for form in ("svg", "png"))
    pictures = [attrs["id"] for _, attrs in page.elements if attrs.get("class") == "picture"]
    saved = [(b["data-picture"], b["data-save"]) for b in buttons if "data-picture" in b]
    assert pictures
    assert saved == [(name, form) for name in pictures for form in ("svg", "png")]
    assert all((b["aria-label"] or "").startswith("save ") for b in buttons)
    policy = next(attrs["content"] for tag, attrs in page.elements if "http-equiv" in attrs)
    assert "img-src data: blob:" in (policy or "")  # plotly draws a PNG from its own SVG


def test_the_buttons_of_each_chart_have_their_own_names():
    records = [replace(t, network_costs=NetworkCosts(latency_ms=t.params / 900)) for t in searched()]
    page = read(study(records, cost_ranges={"params": (100, 100_000), "latency_ms": None}))
    names = [
        attrs["aria-label"] for tag, attrs in page.elements if tag == "button" and "data-figure" in attrs
    ]
    assert "save validation accuracy against latency as SVG" in names
    assert len(set(names)) == len(names)


def test_no_line_break_divides_an_option_of_a_command():
    assert "<code>mgnas export runs/digits <span>--trial</span> " in render_report(study(searched()))


def test_wide_tables_scroll_by_keyboard_and_say_so():
    made = study(searched())
    made.references = [trial(90, 5000, 0.9, reference="mgnet-cifar")]
    page = read(made)
    regions = [attrs for _, attrs in page.elements if attrs.get("class") == "scroll"]
    assert [(r["role"], r["tabindex"], r["aria-label"]) for r in regions] == [
        ("region", "0", "Networks on the front, table"),
        ("region", "0", "References, table"),
        ("region", "0", "Rungs, table"),
        ("region", "0", "Parallel coordinates, chart"),
        ("region", "0", "Hyperparameters, table"),
    ]
    assert page.text.count("is wider than the page. Scroll it horizontally") == len(regions)
    assert ".scroll:focus-visible { outline:" in page_styles()


def test_charts_are_scaled_to_a_printed_page():
    printed = page_styles().partition("@media print {")[2]
    assert ".plot .main-svg { width: 100% !important; height: 100% !important; }" in printed
    script = read(study(searched())).scripts[3]
    assert 'setAttribute("viewBox"' in script
    assert 'addEventListener("beforeprint"' in script


def test_far_networks_are_announced_and_can_be_shown():
    records = [trial(n, 1000 + 100 * n, 0.9 + 0.001 * n) for n in range(20)]
    page = read(study([*records, trial(20, 3000, 0.2)]))
    assert "1 network is below" in page.text
    views = [attrs["data-view"] for _, attrs in page.elements if attrs.get("data-chart") == "front"]
    assert views == ["focus", "everything"]
    front = page.charts()["front"]
    assert front["everything"][0] < 20 < front["focus"][0]


def test_hyperparameters_are_listed_strongest_first():
    page = read(study(searched(effect=lambda hyperparameters: 0.02 * (hyperparameters["share"] == "level"))))
    text = page.text[page.text.rindex("Effects of the hyperparameters") :]
    assert text.index("share") < text.index("width") < text.index("Settings")
    assert "unlikely to be chance" in text
    assert re.search(r"level\+[01]\.\d\d n \d+ \+\d\.\d\d to \+\d\.\d\d", text)


def test_a_hyperparameter_is_named_whether_or_not_its_meaning_is_known():
    known = {"levels": "number of levels", "c_u_2": "feature channels, level 2"}
    unknown = ["kernel", "kernel_3", "c_u_x", "nu_"]
    records = [
        replace(
            t,
            hyperparameters={
                hyperparameter: (t.number >> i) % 2 for i, hyperparameter in enumerate([*known, *unknown])
            },
        )
        for t in searched(80)
    ]
    page = effects_charts(hyperparameter_effects(records))
    headings = set(re.findall("<h3>(.*?)</h3>", page))
    expected = {
        f"<code>{hyperparameter}</code> <small>{meaning}</small>" for hyperparameter, meaning in known.items()
    }
    assert headings == expected | {f"<code>{hyperparameter}</code>" for hyperparameter in unknown}


@pytest.mark.parametrize(
    "records",
    [
        [],
        [trial(0, 1000, 0.5)],
        [trial(0, 1000, 0.5), trial(1, 1000, 0.5)],
        [trial(0, 1000, None), trial(1, 2000, None, reason="\n")],
        [trial(0, 1000, 0.5, state="running", val_accuracy=None, finished_s=None, epochs=0)],
        [trial(n, 10 ** (n + 1), 0.9) for n in range(9)],
        [trial(n, 10 ** (n + 1), 0.1 * (n + 1), epochs=0) for n in range(9)],
        [trial(n, 1000, 1.0, hyperparameters={"k": n % 2}) for n in range(9)],
    ],
    ids=["none", "one", "twins", "failed", "running", "equal", "unreported", "perfect"],
)
def test_odd_studies_have_a_report(records):
    made = study(records, data={}, environment={}, config={})
    page = read(made)
    assert bool(page.charts()) == bool(made.front_records)
    assert (f"N{made.why_no_front[1:]}." in page.text) == (not made.front_records)
