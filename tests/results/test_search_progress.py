from __future__ import annotations

import pytest

from results.search_progress import search_progress
from tests.support.synthetic import study, trial


def test_steps_end_at_the_totals_of_the_study():
    made = study([trial(number, 1000 + 10 * number, 0.8 + 0.01 * number) for number in range(6)])
    progress = search_progress(made)
    last = progress.steps[-1]
    assert len(progress.steps) == last.num_results == 6
    assert last.hypervolume == pytest.approx(made.hypervolume)
    assert last.epochs == made.num_epochs == 24
    assert last.clock_s == made.searched_s
    assert [step.epochs for step in progress.steps] == [4, 8, 12, 16, 20, 24]


def test_epochs_of_unfinished_trials_count_when_they_were_trained():
    paused = trial(1, 500, None, state="paused", epochs=3, finished_s=None)
    made = study([trial(0, 1000, 0.9, finished_s=10.0), paused, trial(2, 2000, 0.95, finished_s=30.0)])
    made.epoch_ends[1] = [12.0, 14.0, 16.0]
    assert [step.epochs for step in search_progress(made).steps] == [4, 11]


def test_epochs_time_and_energy_of_references_are_left_out():
    # one worker: the reference trains from 0 to 10 s, then two trials
    records = [
        trial(0, 9000, 0.99, reference="ResNet18", finished_s=10.0, energy_j=900.0),
        trial(1, 1000, 0.8, finished_s=15.0, energy_j=3.0),
        trial(2, 2000, 0.9, finished_s=20.0, energy_j=4.0),
    ]
    made = study(records)
    for number, begin_s, epoch_s in ((0, 0.0, 2.5), (1, 10.0, 1.25), (2, 15.0, 1.25)):
        made.epoch_ends[number] = [begin_s + epoch_s * epoch for epoch in range(1, 5)]
        made.reports[number] = [
            type(report)(report.epoch, 1.0, 1.0, report.val_accuracy, epoch_s)
            for report in made.reports[number]
        ]
    progress = search_progress(made)
    assert [step.clock_s for step in progress.steps] == [5.0, 10.0]
    assert [step.epochs for step in progress.steps] == [4, 8]
    assert [step.energy_j for step in progress.steps] == [3.0, 7.0]
    assert (progress.references_s, progress.reference_epochs) == (10.0, 4)


def test_time_of_a_reference_beside_the_search_counts():
    records = [trial(0, 9000, 0.99, reference="ResNet18"), trial(1, 1000, 0.8)]
    made = study(records)
    made.epoch_ends = {0: [7.0, 7.5, 8.0, 8.5], 1: [7.0, 7.5, 8.0, 8.5]}
    progress = search_progress(made)
    assert progress.references_s == 0.0
    assert progress.steps[0].clock_s == 20.0


def test_trainings_without_a_recorded_energy_are_counted():
    records = [
        trial(0, 1000, 0.9, energy_j=5.0),
        trial(1, 1100, 0.9),
        trial(2, 1200, None, state="stopped", epochs=1),
        trial(3, 1300, None, state="failed", epochs=0),
    ]
    progress = search_progress(study(records))
    assert (progress.num_with_energy, progress.num_without_energy) == (1, 2)
