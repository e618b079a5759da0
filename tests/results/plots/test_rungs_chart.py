"""The chart of the rungs: one box for each rung that a trial reached."""

from __future__ import annotations

import pytest

from results.plots.rungs_chart import rungs_chart
from results.rungs import Rung


def rung(epoch: int, accuracies: dict[int, float]) -> Rung:
    return Rung(epoch, accuracies, num_resumed=0, num_paused=0, num_stopped=0)


def boxes(chart):
    return [trace for trace in chart.figure.data if trace.type == "box"]


def test_a_box_has_the_quartiles_median_and_ends_of_its_rung():
    found = rung(1, {0: 0.1, 1: 0.2, 2: 0.3, 3: 0.4, 4: 0.9})
    (box,) = boxes(rungs_chart([found]))
    quartiles = found.quartiles()
    assert quartiles is not None
    assert (box.q1[0], box.median[0], box.q3[0]) == pytest.approx([100 * value for value in quartiles])
    assert (box.lowerfence[0], box.upperfence[0]) == pytest.approx((10.0, 90.0))


def test_boxes_follow_the_rungs_and_leave_out_those_without_trials():
    chart = rungs_chart([rung(1, {0: 0.1, 1: 0.2}), rung(3, {0: 0.5}), rung(9, {})])
    assert [box.x[0] for box in boxes(chart)] == ["epoch 1<br>2 trials", "epoch 3<br>1 trial"]
    assert [box.name for box in boxes(chart)] == ["epoch 1", "epoch 3"]


def test_the_axis_covers_every_accuracy():
    chart = rungs_chart([rung(1, {0: 0.02, 1: 0.2}), rung(3, {0: 0.97})])
    low, high = chart.focus
    assert low <= 2.0
    assert high >= 97.0
    assert chart.everything == chart.focus


@pytest.mark.parametrize(("count", "has_points"), [(30, True), (31, False)])
def test_few_trials_are_points_and_many_are_only_a_box(count: int, has_points: bool):
    chart = rungs_chart([rung(1, {number: number / 100 for number in range(count)})])
    points = [trace for trace in chart.figure.data if trace.type == "scatter"]
    assert len(points) == has_points
    if has_points:
        assert sorted(points[0].y) == pytest.approx(list(range(count)))
        assert points[0].hovertext[3] == "trial 3: 3.00 %"


def test_a_study_without_trials_at_a_rung_has_no_box():
    assert boxes(rungs_chart([rung(1, {})])) == []
