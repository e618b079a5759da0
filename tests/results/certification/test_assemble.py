"""Certified figures of a study, assembled from trainings made by hand."""

from __future__ import annotations

import pytest

from results.front import front_hypervolume
from results.storage.objectives import Objectives
from tests.support.certified import make_certification
from tests.support.factories import make_header, make_trial


def test_hypervolume_of_the_search_is_that_of_the_certified_networks_alone() -> None:
    objectives = Objectives.of(make_header())
    searched = [
        make_trial(number, params=100 * 2**number, val_accuracy=0.5 + 0.1 * number) for number in range(4)
    ]
    whole = make_certification(searched)
    assert whole.search_hypervolume == pytest.approx(front_hypervolume(searched, objectives))
    part = make_certification(searched[2:], others=searched[:2])
    assert part.search_hypervolume == pytest.approx(front_hypervolume(searched[2:], objectives))
    assert part.search_hypervolume < whole.search_hypervolume
