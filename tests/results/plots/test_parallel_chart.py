from __future__ import annotations

from dataclasses import replace

from results.plots.parallel_chart import (
    ABSENT,
    MOST_HYPERPARAMETERS,
    MOST_LINES,
    parallel_axes,
    parallel_chart,
    shown_trials,
    varied_hyperparameters,
)
from results.report.parallel import parallel_section
from tests.support.synthetic import searched, study, trial


def axes_of(made):
    trials = shown_trials(made)
    return trials, {axis.label: axis for axis in parallel_axes(made, trials)}


def test_each_complete_trial_has_one_line_through_all_axes():
    made = study([*searched(30), trial(30, 2000, None)])
    lines = parallel_chart(made).figure.data
    count = len(parallel_axes(made, shown_trials(made)))
    assert sum(len(line.x) for line in lines) == 30 * (count + 1)
    assert sum(list(line.y).count(None) for line in lines) == 30
    assert "trial " in lines[0].text[0]


def test_words_and_numbers_have_their_ticks():
    trials, axes = axes_of(study(searched(30)))
    assert [text for _, text in axes["share"].ticks] == ["iteration", "level"]
    place = {text: position for position, text in axes["share"].ticks}
    for number, one in enumerate(trials):
        assert abs(axes["share"].positions[number] - place[one.hyperparameters["share"]]) < 0.04
    low, high = min(t.params for t in trials), max(t.params for t in trials)
    assert axes["parameters"].positions[[t.params for t in trials].index(low)] == 0.0
    assert axes["parameters"].positions[[t.params for t in trials].index(high)] == 1.0


def test_networks_without_a_conditional_hyperparameter_are_below_its_axis():
    trials, axes = axes_of(study(searched(30)))
    nu = axes["nu_2"]
    assert nu.ticks[0][1] == ABSENT
    for number, one in enumerate(trials):
        assert (nu.positions[number] < -0.05) == ("nu_2" not in one.hyperparameters)
        assert (nu.texts[number] == ABSENT) == ("nu_2" not in one.hyperparameters)


def test_large_studies_are_sampled_and_the_text_says_so():
    records = [replace(record, number=number) for number, record in enumerate(searched(1200))]
    made = study(records)
    shown = shown_trials(made)
    assert {t.number for t in made.front_records} <= {t.number for t in shown}
    assert MOST_LINES / 2 < len(shown) <= MOST_LINES
    assert f"{len(shown):,} of 1,200 complete trials" in parallel_section(made).html


def test_many_hyperparameters_leave_the_weakest_to_the_table():
    records = [
        replace(record, hyperparameters={f"h{i}": (record.number * (i + 1) // 7) % 3 for i in range(12)})
        for record in searched(60)
    ]
    made = study(records)
    names = varied_hyperparameters(made)
    section = parallel_section(made)
    assert len(names) > MOST_HYPERPARAMETERS
    assert all(f"<code>{name}</code>" in section.html for name in names)
    assert len(section.charts["parallel"].figure.layout.xaxis.tickvals) == MOST_HYPERPARAMETERS + 3


def test_table_summarises_words_and_numbers():
    html = parallel_section(study(searched(40))).html
    assert "mark – stands for networks without the hyperparameter" in html
    assert "level (" in html
    assert " to 16)" in html


def test_a_study_without_differences_has_no_section():
    assert parallel_section(study([trial(0, 1000, 0.9)])) is None
    assert parallel_section(study([trial(n, 1000 + n, 0.9) for n in range(4)])) is None


def test_cost_without_a_value_has_no_axis():
    made = study(searched(30), cost_ranges={"params": (100, 1_000_000), "latency_ms": None})
    _, axes = axes_of(made)
    assert "latency, ms" not in axes
    assert "parameters" in axes
    assert parallel_chart(made).figure.data
