"""The use of devices: epochs of several workers overlap and count once."""

from __future__ import annotations

import pytest

from results.device_use import covered_s, device_use
from results.report.overview import tiles
from tests.support.synthetic import searched, study


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0.0),
        ([(1.0, 3.0), (5.0, 6.0)], 3.0),
        ([(2.0, 4.0), (1.0, 3.0), (3.5, 3.7)], 3.0),
        ([(-1.0, 2.0), (0.0, 1.0)], 2.0),
    ],
)
def test_spans_that_overlap_count_once(spans: list[tuple[float, float]], seconds: float) -> None:
    assert covered_s(spans) == pytest.approx(seconds)


def test_use_is_a_fraction_of_the_search_time() -> None:
    made = study(searched(4))  # four trainings of four epochs of half a second
    made.searched_s = 80.0
    made.header.data["train"] = 100
    use = device_use(made)
    assert use is not None
    spans = [(end - 0.5, end) for ends in made.epoch_ends.values() for end in ends]
    assert use.busy == pytest.approx(covered_s(spans) / 80)
    assert use.images_per_s == pytest.approx(len(spans) * 100 / 80)
    assert "time with a training" in tiles(made)


def test_study_without_epochs_has_none() -> None:
    made = study([])
    assert device_use(made) is None
    assert "time with a training" not in tiles(made)
