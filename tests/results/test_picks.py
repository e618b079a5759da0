"""Picks from a front: the recommended network, best, knee, and goals."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from results.front import accuracy, pareto_front
from results.intervals import Sampling
from results.picks import GOALS, NAMED_PICKS, best, knee, pick, recommended
from results.report.page import render_report
from results.storage.records import TrialRecord
from results.study_text import print_study_front
from space.core.errors import InvalidInputError
from tests.support.factories import make_trial
from tests.support.synthetic import study, trial

DIGITS = Sampling(434, chance=0.1)
FRONT = [(100, 0.5), (200, 0.9), (1000, 0.92), (10_000, 0.95)]
POOR = [
    (292, 0.4217),
    (336, 0.6544),
    (428, 0.8157),
    (496, 0.8825),
    (632, 0.8894),
    (744, 0.9194),
    (904, 0.9332),
]
GOOD = [(1706, 0.9470), (1928, 0.9608), (2505, 0.9747), (3132, 0.9816), (5846, 0.9839), (6610, 0.9908)]


def front_of(points: list[tuple[int, float]]) -> list[TrialRecord]:
    return pareto_front([make_trial(i, params=p, val_accuracy=a) for i, (p, a) in enumerate(points)])


def test_picks() -> None:
    front = front_of(FRONT)
    assert pick(front, "best").params == 10_000
    assert pick(front, "smallest").params == 100
    assert knee(front) == pick(front, "knee") == front[2]
    assert pick(front, "best", max_params=5000).params == 1000
    assert pick(front[:1], "knee").params == 100


def test_poor_networks_do_not_move_the_knee() -> None:
    """A demonstration on digits: its smallest networks are near chance."""
    bend = knee(front_of(POOR + GOOD), sampling=DIGITS)
    assert bend is not None
    assert bend.params == 2505
    for left_out in range(len(POOR)):
        assert knee(front_of(POOR[left_out:] + GOOD), sampling=DIGITS).params == 2505


@given(
    top=st.floats(0.15, 1.0),
    shares=st.lists(st.floats(0.0, 1.0), min_size=3, max_size=12, unique=True),
)
def test_the_knee_is_good_whatever_else_is_on_the_front(top: float, shares: list[float]) -> None:
    points = [(100 * 2**place, 0.1 + (top - 0.1) * share) for place, share in enumerate(sorted(shares))]
    front = front_of(points)
    if (bend := knee(front, sampling=DIGITS)) is not None:
        assert accuracy(bend) - 0.1 >= 0.95 * (accuracy(best(front)) - 0.1) - 1e-6
        assert DIGITS.is_above_chance(accuracy(bend))


def test_networks_at_chance_have_no_knee() -> None:
    assert knee(front_of([(100, 0.1), (200, 0.115), (400, 0.12)]), sampling=DIGITS) is None


@pytest.mark.parametrize("points", [[(100, 0.2), (1000, 0.25), (10_000, 0.9)], FRONT[1:3]])
def test_a_front_that_bends_the_other_way_has_no_knee(points: list[tuple[int, float]]) -> None:
    front = front_of(points)
    assert knee(front) is None
    assert pick(front, "knee") == best(front)


def test_the_smallest_within_one_standard_error_is_recommended() -> None:
    """The standard error of 99.08 % on 434 images is 0.46 points, of 98 % on 20,000 images 0.1 points."""
    assert recommended(front_of(POOR + GOOD), sampling=DIGITS).params == 6610
    assert recommended(front_of([*POOR, (1706, 0.9863), *GOOD[5:]]), sampling=DIGITS).params == 1706
    close = front_of([(100, 0.9785), (200, 0.9793), (300, 0.98)])
    assert recommended(close, sampling=Sampling(20_000)).params == 200
    assert pick(close, sampling=Sampling(20_000)).params == 200
    assert pick(close, max_params=199, sampling=Sampling(20_000)).params == 100


def test_standard_errors_of_means_replace_the_sampling_error() -> None:
    """The standard error of 98 % on 434 images is 0.67 points; over seeds, it is 2 points for the best network."""
    front = front_of([(100, 0.955), (200, 0.965), (300, 0.98)])
    assert recommended(front, sampling=DIGITS).params == 300
    assert (
        recommended(front, sampling=DIGITS, errors={front[2].number: 0.02, front[0].number: 0.5}).params
        == 200
    )
    assert pick(front, sampling=DIGITS, errors={front[2].number: 0.02}).params == 200


def test_of_a_front_without_errors_one_image_does_not_count() -> None:
    assert recommended(front_of([(100, 0.995), (200, 1.0)]), sampling=Sampling(200)).params == 100


@pytest.mark.parametrize(
    ("how", "max_params", "params"),
    [
        ("accuracy>=0.97", None, 2505),
        ("accuracy >= 97 %", None, 2505),
        ("accuracy>=.9747", None, 2505),
        ("accuracy>=0.5", 400, 336),
        ("within=1pt", None, 3132),
        ("within=3.1pts", None, 1928),
        ("within=0pt", None, 6610),
        ("within=1pt", 2000, 1928),
    ],
)
def test_goals_choose_the_smallest_network_that_meets_them(
    how: str, max_params: int | None, params: int
) -> None:
    assert pick(front_of(POOR + GOOD), how, max_params, sampling=DIGITS).params == params


@pytest.mark.parametrize(
    ("how", "max_params", "says"),
    [
        ("nee", None, "pick must be one of within-1se, best, knee, smallest, .*; did you mean 'knee'"),
        ("best", 50, "at most 50 parameters; the smallest has 100"),
        (
            "accuracy>=0.96",
            None,
            "on the front has accuracy>=0.96; the best one, .*, has 95.00",
        ),
        ("accuracy>=0.94", 2000, "of at most 2000 parameters has accuracy>=0.94; the best one, MgNet"),
        ("accuracy>=94", None, "accuracy is a share from 0 to 1; write"),
        ("accuracy>0.9", None, "pick must be one of"),
        ("within=1", None, "'within=1pt', but got 'within=1'"),
        ("accuracy>=nan", None, "pick must be one of"),
        ("within=-1pt", None, "pick must be one of"),
    ],
)
def test_impossible_picks(how: str, max_params: int | None, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        pick(front_of(FRONT), how, max_params)


def test_nothing_to_pick_from() -> None:
    with pytest.raises(InvalidInputError, match="no finished trial"):
        pick([], "best")


@pytest.mark.parametrize("how", [*NAMED_PICKS, "accuracy>=0.9", "within=1pt"])
def test_every_pick_that_is_listed_picks(how: str) -> None:
    assert pick(front_of(FRONT), how) in front_of(FRONT)


def test_goals_are_named_as_they_are_written() -> None:
    for goal in GOALS:
        assert pick(front_of([*FRONT, (20_000, 0.98)]), goal).params == 20_000


def test_equal_networks_are_marked_in_the_table_and_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 360 images, trial 2 has one more right than trial 1, and trial 3 thirty more."""
    rights = [180, 300, 301, 331]
    made = study([trial(n, 1000 * (n + 1), right / 360) for n, right in enumerate(rights)], Path("runs/d"))
    summary = json.loads(json.dumps(made.summary()))
    assert [point["equal_to"] for point in summary["front"]] == [[], [2], [1], []]
    print_study_front(made, sys.stdout)
    lines = capsys.readouterr().out.splitlines()
    column = lines[0].index("equal to")
    assert [line[column : column + 8].strip() for line in lines[2:6]] == ["", "2", "1", ""]
    assert "equal to: trials whose accuracy differs by at most one standard error on 360" in lines[7]
    assert lines[8].startswith(
        "recommended: trial 3, the smallest within one standard error of the best: 4,000"
    )
    assert "(95 % interval 88.7 to 94.3 %)" in lines[8]


@pytest.mark.parametrize(("accuracy", "warns"), [(0.11, True), (0.2, False)])
def test_a_front_at_chance_is_said_to_be_so(
    accuracy: float, warns: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    made = study([trial(0, 1000, accuracy)])
    print_study_front(made, sys.stdout)
    warning = "no network is clearly better than chance (10.0 %)"
    assert (warning in capsys.readouterr().out) == warns
    assert (warning[3:] in render_report(made)) == warns
