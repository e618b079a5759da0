from __future__ import annotations

from dataclasses import replace

import pytest

from results.rungs import rung_populations, study_rungs
from tests.support.synthetic import CONFIG, study, trial


def made(records, scheduler="asha"):
    config = CONFIG.model_dump(mode="json")
    config["search"] |= {"scheduler": scheduler, "reduction": 2, "first_rung": 1}
    return study(records, config=config)


def cut(number, epochs, state):
    return replace(trial(number, 1000 + number, None, state=state, epochs=epochs), finished_s=None)


def test_rungs_count_trials_by_what_became_of_them_there():
    found = rung_populations(
        made(
            [
                trial(0, 1000, 0.9),
                trial(1, 1001, 0.8),
                cut(2, 1, "paused"),
                cut(3, 1, "stopped"),
                cut(4, 2, "paused"),
                cut(5, 0, "running"),
                trial(6, 1000, 0.99, reference="ResNet18"),
            ]
        )
    )
    assert [rung.epoch for rung in found] == [1, 2, 4]
    assert [rung.num_trials for rung in found] == [5, 3, 2]
    assert [(rung.num_resumed, rung.num_paused, rung.num_stopped) for rung in found] == [
        (3, 1, 1),
        (2, 1, 0),
        (0, 0, 0),
    ]


def test_accuracies_of_a_rung_are_those_at_its_epoch():
    made_study = made([trial(0, 1000, 0.9), trial(1, 1001, 0.5)])
    for rung in rung_populations(made_study):
        assert rung.accuracies == {
            number: made_study.reports[number][rung.epoch - 1].val_accuracy for number in (0, 1)
        }
    low, middle, high = rung_populations(made_study)[-1].quartiles()
    assert (low, middle, high) == pytest.approx((0.5625, 0.65625, 0.75))


@pytest.mark.parametrize("scheduler", ["fifo", "asha"])
def test_a_study_has_rungs_if_its_scheduler_pauses_trainings(scheduler):
    assert study_rungs(made([], scheduler).header) == (() if scheduler == "fifo" else (1, 2, 4))


def test_a_study_of_named_networks_has_no_rungs():
    header = made([]).header
    assert study_rungs(replace(header, plan=(("MgNet[1,1]-4-B^l", 0),))) == ()
