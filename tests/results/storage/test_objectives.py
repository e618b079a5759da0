"""Fronts of accuracy against several costs: members, dominance, texts."""

from __future__ import annotations

import csv
import io
import math
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.front import (
    front_history,
    front_hypervolume,
    pareto_front,
    trials_since_growth,
)
from results.hypervolume import hypervolume
from results.picks import best, knee, pick, smallest
from results.report.objectives import front_lead
from results.report.page import render_report
from results.storage.objectives import COST_NAMES, COSTS, Objectives
from results.storage.records import TrialRecord
from results.tables import front_csv, print_front
from space.core.errors import InvalidInputError
from tests.support.factories import make_trial
from tests.support.synthetic import study

OBJECTIVES = Objectives.named(("params", "latency_ms"))


def trial(number: int, params: int, latency_ms: float | None, accuracy: float, **fields: Any) -> TrialRecord:
    return make_trial(number, params=params, latency_ms=latency_ms, val_accuracy=accuracy, **fields)


points = st.lists(
    st.tuples(
        st.integers(1, 6), st.sampled_from([1.0, 2.0, 3.5, 8.0]), st.sampled_from([0.2, 0.5, 0.6, 0.9])
    ),
    max_size=12,
)


@given(points)
def test_a_front_of_two_costs_holds_what_nothing_else_beats(rows: list[tuple[int, float, float]]) -> None:
    trials = [trial(number, *row) for number, row in enumerate(rows)]
    front = {one.number for one in pareto_front(trials, OBJECTIVES)}
    for number, (params, latency, accuracy) in enumerate(rows):
        beaten = any(
            p <= params and t <= latency and a >= accuracy and ((p, t, a) != rows[number] or other < number)
            for other, (p, t, a) in enumerate(rows)
            if other != number
        )
        assert (number in front) == (not beaten)


def test_what_was_not_measured_is_on_no_front() -> None:
    trials = [trial(0, 10, None, 0.99), trial(1, 20, 2.0, 0.5)]
    assert [one.number for one in pareto_front(trials, OBJECTIVES)] == [1]
    assert [one.number for one in pareto_front(trials)] == [0]


@given(points)
def test_the_hypervolume_is_that_of_the_front_over_log_costs(rows: list[tuple[int, float, float]]) -> None:
    trials = [trial(number, *row, finished_s=float(len(rows) - number)) for number, row in enumerate(rows)]
    objectives = Objectives({"params": (1.0, 6.0), "latency_ms": None})
    lowest = min((row[1] for row in rows), default=1.0)
    span = max(math.log(max((row[1] for row in rows), default=1.0) / lowest), 1e-12)
    places = [
        (1 - accuracy, math.log(params) / math.log(6.0), math.log(latency / lowest) / span)
        for params, latency, accuracy in rows
    ]
    expected = hypervolume(places, (1.0, 1.0, 1.0))
    assert front_hypervolume(trials, objectives) == pytest.approx(expected, abs=1e-9)
    half = len(trials) // 2
    grown = front_history(trials[:half], objectives)  # as a driver that goes on has it
    for one in trials[half:]:
        grown.add(one)
    assert grown.hypervolume == pytest.approx(expected, abs=1e-9)
    assert grown.front == pareto_front(trials, OBJECTIVES)


def test_growth_is_noticed_when_only_the_second_cost_falls() -> None:
    objectives = Objectives({"params": (1.0, 100.0), "macs": (1.0, 100.0)})
    trials = [
        make_trial(0, params=10, macs=50, started_s=0.0, finished_s=1.0),
        make_trial(1, params=10, macs=20, started_s=1.0, finished_s=2.0),
        make_trial(2, params=10, macs=20, started_s=2.0, finished_s=3.0),
    ]
    assert trials_since_growth(trials, objectives) == 1
    assert trials_since_growth(trials, Objectives({"params": (1.0, 100.0)})) == 2


def test_picks_of_a_front_of_two_costs() -> None:
    trials = [
        trial(0, 100, 8.0, 0.60),
        trial(1, 1_000, 1.0, 0.55),
        trial(2, 900, 2.0, 0.93),
        trial(3, 10_000, 9.0, 0.95),
    ]
    front = pareto_front(trials, OBJECTIVES)
    assert [one.number for one in front] == [0, 2, 1, 3]
    assert (best(front).number, smallest(front).number) == (3, 0)
    assert knee(front, OBJECTIVES) == trials[2]
    assert pick(front, "best", max_params=950, objectives=OBJECTIVES).number == 2


def test_tables_name_the_costs_of_the_study() -> None:
    trials = [trial(0, 1_234, 0.26, 0.9)]
    text = io.StringIO()
    print_front(trials, text, OBJECTIVES)
    head, _, row = text.getvalue().splitlines()
    assert "latency, ms" in head
    assert "0.260" in row
    assert "1,234" in row
    header, line = front_csv(trials, OBJECTIVES).splitlines()
    assert header.endswith(",seed,float_accuracy,int8_accuracy,latency_ms")
    assert line.endswith(",0.26")
    assert front_csv(trials).splitlines()[0].endswith(",int8_accuracy")


def test_every_cost_can_be_had_of_a_trial_and_shown() -> None:
    one = make_trial(0, activation_mib=3.0, flash_kib=12.5, sram_kib=200.0, latency_ms=1500.0, energy_j=0.125)
    shown = [COSTS[name].text(COSTS[name].of(one)) for name in COST_NAMES]
    assert shown == ["1,000", "10,000", "3.00", "12.5", "200", "1,500", "0.125"]
    assert COSTS["energy_j"].text(COSTS["energy_j"].of(make_trial(1))) == "–"
    assert [COSTS["latency_ms"].text(value) for value in (99.94, 99.96)] == ["99.9", "100"]


def made(costs: dict[str, Any] | None = None, **config: Any) -> Any:
    rng = random.Random(0)
    records = [
        make_trial(
            number,
            params=rng.randint(100, 10_000),
            val_accuracy=rng.uniform(0.5, 0.9),
            latency_ms=rng.uniform(0.1, 3.0),
        )
        for number in range(12)
    ]
    fields: dict[str, Any] = {"config": config}
    if costs is not None:
        fields["cost_ranges"] = costs
    return study(records, **fields)


BOTH = {"share_a": "level", "share_b": "level"}


@pytest.mark.parametrize(
    ("costs", "space", "search", "expected"),
    [
        (None, {"share_a": "iteration", "share_b": "iteration"}, {}, "no other trial has fewer parameters"),
        (None, BOTH | {"share_b": ["level", "iteration"]}, {}, "only the range of nu limits them"),
        (None, BOTH | {"share_b": "network", "max_macs": 2_000_000}, {}, "were 2,000,000 MACs. In this"),
        (None, BOTH | {"max_macs": 2_000_000}, {}, "no parameters; their number is limited by MACs."),
        # each iteration has its own A, so more of them cost parameters
        (None, {"share_a": "iteration", "share_b": "level"}, {}, "no other trial has fewer parameters"),
        (None, {"max_params": 500}, {"max_latency_ms": 2.5}, "500 parameters and 2.50 ms of latency"),
        ({"params": (100, 10_000), "latency_ms": None}, BOTH, {}, "no parameters; their number is limited by latency."),
    ],
)  # fmt: skip
def test_the_report_says_what_was_weighed_and_limited(
    costs: dict[str, Any] | None, space: dict[str, Any], search: dict[str, Any], expected: str
) -> None:
    text = front_lead(made(costs, space=space, search=search))
    assert expected in text
    assert ("nu" in text) == (len(space) > 1 and space.get("share_a") != "iteration")


def test_a_report_has_a_chart_for_each_cost(tmp_path: Path) -> None:
    page = render_report(made({"params": (100, 10_000), "latency_ms": None}))
    assert 'id="chart-front"' in page
    assert 'id="chart-front-latency_ms"' in page
    assert "latency (log scale)" in page
    assert "latency, ms</th>" in page
    assert 'id="chart-front-macs"' not in page


def test_report_names_the_target_of_a_study() -> None:
    target = {"name": "board", "description": "mine <b>", "flash_kib": 64.0}
    text = front_lead(made(target=target, space={"max_flash_kib": 48.0}))
    assert "The search was for the target board (mine &lt;b&gt;). The limits were 48.0 KiB of flash." in text
    assert "target" not in front_lead(made(target=None))


def test_limited_costs_are_columns_of_a_front_but_no_objectives() -> None:
    records = [make_trial(0, flash_kib=12.5, sram_kib=3.0, val_accuracy=0.9)]
    limits = {"max_flash_kib": 48.0, "max_sram_kib": 12.0, "max_params": 9_000}
    made = study(records, config={"space": limits})
    assert made.objectives.names == ("params",)
    assert made.objectives.limits == {"params": 9_000, "flash_kib": 48.0, "sram_kib": 12.0}
    point = made.summary()["front"][0]
    assert (point["flash_kib"], point["sram_kib"]) == (12.5, 3.0)
    assert list(made.front()["sram_kib"]) == [3.0]
    assert front_csv(records, made.objectives).splitlines()[0].endswith(",flash_kib,sram_kib")
    text = io.StringIO()
    print_front(records, text, made.objectives)
    assert "flash, KiB  SRAM, KiB" in text.getvalue()
    page = render_report(made)
    assert "SRAM, KiB</th>" in page
    assert "12.0 KiB of SRAM" in page
    assert 'id="chart-front-sram_kib"' not in page


def test_a_front_says_how_its_networks_were_trained_where_that_was_searched() -> None:
    hyperparameters = [{"nu_1": 1, "train.lr": 0.13157, "train.flip": True}, {"nu_1": 1, "train.lr": 0.4}]
    front = [
        make_trial(n, hyperparameters=one, val_accuracy=0.5 + 0.1 * n)
        for n, one in enumerate(hyperparameters)
    ]
    stream = io.StringIO()
    print_front(front, stream)
    lines = stream.getvalue().splitlines()
    assert lines[0].endswith("arch          training")
    assert lines[2].endswith("lr=0.132, flip=true")
    rows = list(csv.DictReader(io.StringIO(front_csv(front))))
    assert [row["train.lr"] for row in rows] == ["0.13157", "0.4"]
    assert [row["train.flip"] for row in rows] == ["True", ""]
    assert front[0].point()["train.flip"] is True
    stream = io.StringIO()
    print_front([make_trial(0)], stream)
    assert "training" not in stream.getvalue()
    assert "train." not in front_csv([make_trial(0)])


@pytest.mark.parametrize("costs", ["params", (), ("parameters",), None])
def test_what_is_no_cost_is_refused(costs: Any) -> None:
    with pytest.raises(
        InvalidInputError, match="params, macs, activation_mib, flash_kib, sram_kib, latency_ms"
    ):
        Objectives.named(costs)
