from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from results.picks import knee
from results.plots.axes import focus_range, linear_ticks, log_ticks, percent_ticks, short_cost, whole_range
from results.plots.curves_chart import curves_chart, shade
from results.plots.front_chart import front_chart
from results.plots.front_svg import front_svg, write_front_svg
from results.plots.hypervolume_chart import hypervolume_chart
from results.plots.svg import Axis, SvgChart
from results.report.curves import chips
from results.storage.objectives import COSTS
from space.core.text import short_count
from tests.support.certified import make_certification
from tests.support.synthetic import searched, study, trial

SVG = "{http://www.w3.org/2000/svg}"


def traces(chart):
    return {trace.name: trace for trace in chart.figure.data if trace.name}


def test_front_chart_shows_every_complete_trial_once():
    no_result = trial(21, 3000, None, state="complete")
    made = study([no_result, *searched(20), trial(20, 3000, None, reason="broken")])
    points = traces(front_chart(made))
    assert list(points["front"].x) == [t.params for t in made.front_records]
    assert len(points["front"].x) + len(points["other trials"].x) == 20
    assert len(points["other trials"].x) == len(points["other trials"].y)
    bend = knee(made.front_records, sampling=made.header.sampling)
    assert bend is not None
    assert list(points["knee"].x) == [bend.params]


def test_front_chart_has_room_for_the_intervals_of_certified_networks():
    made = study(searched(20))
    made.certification = make_certification(made.front_records)
    chart = front_chart(made)
    ends = [100 * end for one in made.certification.networks for end in (one.test.low, one.test.high)]
    assert chart.everything[0] < min(ends)
    assert max(ends) <= chart.everything[1]


def test_trials_stopped_early_look_different():
    records = [trial(0, 1000, 0.9), trial(1, 2000, 0.5), trial(2, 2500, 0.4, epochs=1)]
    points = traces(front_chart(study(records)))
    assert list(points["other trials"].x) == [2000]
    assert list(points["stopped early"].x) == [2500]
    assert points["stopped early"].marker.symbol == "circle-open"


def test_hover_text_names_the_network_and_is_escaped():
    record = trial(3, 12345, 0.9123, notation="<b>&x</b>")
    (text,) = traces(front_chart(study([record])))["front"].hovertext
    for part in ("trial 3", "12,345 parameters", "91.23 %", "4 of 4 epochs", record.arch, "247k MACs"):
        assert part in text
    assert "&lt;b&gt;&amp;x&lt;/b&gt;" in text


def test_hypervolume_chart_ends_at_the_hypervolume_of_the_study():
    made = study(searched(20))
    (trace,) = hypervolume_chart(made).figure.data
    assert trace.y[-1] == pytest.approx(made.hypervolume)
    assert list(trace.y) == sorted(trace.y)
    assert trace.x[-1] == 200.0
    assert "20 results after 3 min 20 s" in trace.hovertext[-1]


def test_a_long_search_is_shown_in_hours():
    records = [trial(n, 1000 + n, 0.9, finished_s=7200.0 * (n + 1)) for n in range(4)]
    figure = hypervolume_chart(study(records)).figure
    assert figure.data[0].x[-1] == 8.0
    assert "hours" in figure.layout.xaxis.title.text


def test_curves_are_those_of_the_front():
    made = study(searched(20))
    figure = curves_chart(made).figure
    assert len(figure.data) == len(made.front_records)
    assert [list(t.x) for t in figure.data] == [[1, 2, 3, 4]] * len(made.front_records)


def test_shades_run_from_the_smallest_to_the_largest():
    assert shade(0, 1) == "var(--ramp-0)"
    assert [shade(place, 3) for place in range(3)] == ["var(--ramp-0)", "var(--ramp-3)", "var(--ramp-6)"]


def test_focus_leaves_out_one_bad_network_but_keeps_the_front():
    values = [95.0 + 0.1 * n for n in range(30)]
    low, high = focus_range([30.0, *values])
    assert 90 < low < 95
    assert high > 97.9
    assert focus_range([30.0, 93.0, *values], keep=[93.0])[0] < 93
    assert whole_range([30.0, *values])[0] < 30


@pytest.mark.parametrize(
    ("cost", "value", "text"),
    [
        ("latency_ms", 0.2649, "0.265 ms"),
        ("latency_ms", 999.6, "1k ms"),
        ("energy_j", 15_000, "15k J"),
        ("activation_mib", 2048, "2.05k MiB"),
        ("params", 12_345, "12.3k"),
    ],
)
def test_short_cost(cost, value, text):
    assert short_cost(COSTS[cost], value) == text


@pytest.mark.parametrize(
    ("low", "high"), [(1000, 1100), (2000, 9000), (900, 110_000), (10, 1e9), (1, 1e15), (3000, 7000)]
)
def test_log_ticks_are_inside_few_and_apart(low, high):
    ticks = log_ticks(low, high)
    assert 2 <= len(ticks) <= 10
    assert low <= ticks[0] <= ticks[-1] <= high
    gaps = [math.log(right / left) / math.log(high / low) for left, right in pairwise(ticks)]
    assert min(gaps) > 0.1
    assert len({short_count(tick) for tick in ticks}) == len(ticks)


def test_linear_ticks():
    assert linear_ticks(94.2, 98.3) == [95.0, 96.0, 97.0, 98.0]
    assert linear_ticks(0.0, 1.0, most=5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


def test_svg_is_xml_with_a_dot_for_every_trial_in_view(tmp_path):
    made = study([*searched(30), trial(30, 2000, 0.2)], folder='a <b> & \x07 "c"')
    path = write_front_svg(made, tmp_path / "docs" / "front.svg")
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    kinds = [circle.get("class") for circle in root.iter(f"{SVG}circle")]
    assert kinds.count("front") == len(made.front_records)
    assert kinds.count("other") == 30 - len(made.front_records)
    assert kinds.count("knee") == 1
    texts = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    assert any('a <b> &   "c"' in text for text in texts)
    assert any("1 below the picture" in text for text in texts)


def test_svg_stays_in_its_frame():
    root = ElementTree.fromstring(front_svg(study(searched(30))))
    width, height = float(root.get("width")), float(root.get("height"))
    for circle in root.iter(f"{SVG}circle"):
        assert 0 < float(circle.get("cx")) < width
        assert 0 < float(circle.get("cy")) < height
    assert not re.search(r"(?:href|src)=|url\(", front_svg(study(searched(30))))


@pytest.mark.parametrize(
    ("title", "size", "shown"),
    [
        ("digits", None, "digits"),
        ("x" * 85, 16.2, "x" * 85),
        ("x" * 400, 10.1, "…"),
        ("猫" * 60, 11.5, "猫" * 60),
    ],
)
def test_long_titles_of_pictures_are_smaller_and_at_last_cut(title, size, shown):
    axis = Axis(0.0, 1.0, [], str)
    root = ElementTree.fromstring(SvgChart(axis, axis).render(title, ""))
    heading = next(text for text in root.iter(f"{SVG}text") if text.get("class") == "title")
    style = heading.get("style")
    assert (None if style is None else float(re.search(r"[\d.]+", style).group())) == size
    assert heading.text.endswith(shown)
    assert len(heading.text) <= 138


def test_an_axis_of_accuracies_ends_at_100():
    assert percent_ticks(99.6, 100.14) == [99.6, 99.7, 99.8, 99.9, 100.0]
    assert percent_ticks(-0.4, 0.4)[0] == 0


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_svg_of_few_trials_is_xml(count):
    root = ElementTree.fromstring(front_svg(study(searched(count))))
    assert len(list(root.iter(f"{SVG}circle"))) >= count


def test_names_of_references_lie_towards_the_middle():
    """Where there is room for them, also in a narrow window."""
    references = [trial(2, 50, 0.4, reference="small"), trial(3, 90_000, 0.9, reference="large")]
    made = study([trial(0, 100, 0.5), trial(1, 10_000, 0.8), *references])
    names = traces(front_chart(made))["references"]
    assert [text.strip() for text in names.text] == ["small", "large"]
    assert list(names.textposition) == ["middle right", "middle left"]


def test_curves_differ_in_shade_or_dashes_as_their_legend_does():
    made = study([trial(n, 1000 * (n + 1), 0.5 + 0.01 * n) for n in range(36)])
    lines = [(trace.line.color, trace.line.dash) for trace in curves_chart(made).figure.data]
    assert len(set(lines)) == 36
    assert all(here[1] != after[1] for here, after in pairwise(lines))
    legend = re.findall(r'stroke:(var\(--ramp-\d\))" stroke-dasharray="([^"]*)"', chips(made.front_records))
    plain = [(color, "none" if dash == "solid" else dash.replace("px", "")) for color, dash in lines]
    assert legend == plain
