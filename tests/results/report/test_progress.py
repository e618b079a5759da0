from __future__ import annotations

from results.report.progress import progress_section
from results.report.rungs import rungs_section
from tests.support.synthetic import CONFIG, study, trial


def test_energy_is_shown_where_it_is_recorded():
    plain = progress_section(study([trial(0, 1000, 0.9)]))
    assert list(plain.charts) == ["hypervolume", "hypervolume-epochs"]
    measured = progress_section(study([trial(0, 1000, 0.9, energy_j=7200.0), trial(1, 1100, 0.95)]))
    energy = measured.charts["hypervolume-energy"].figure
    assert energy.layout.xaxis.title.text == "energy of trainings (Wh)"
    assert list(energy.data[0].x) == [0.0, 2.0, 2.0]
    assert "Energy is recorded for 1 complete training. 1 other training without" in measured.html


def test_text_names_what_the_references_used():
    records = [
        trial(0, 9000, 0.99, reference="ResNet18", finished_s=5.0),
        trial(1, 1000, 0.8, finished_s=30.0),
    ]
    section = progress_section(study(records))
    assert "The 4 epochs of the references are in no chart, nor are the 2 s in which only" in section.html


def test_rungs_are_a_chart_and_a_table():
    config = CONFIG.model_dump(mode="json")
    config["search"] |= {"scheduler": "asha", "reduction": 2}
    records = [trial(number, 1000 + number, 0.8) for number in range(3)]
    records.append(trial(3, 2000, None, state="stopped", epochs=2, finished_s=40.0))
    section = rungs_section(study(records, config=config))
    assert section is not None
    boxes = [trace for trace in section.charts["rungs"].figure.data if trace.type == "box"]
    assert [box.x[0] for box in boxes] == [
        "epoch 1<br>4 trials",
        "epoch 2<br>4 trials",
        "epoch 4<br>3 trials",
    ]
    assert '<td class="number">3 (75 %)</td>' in section.html


def test_a_scheduler_without_rungs_has_no_section():
    config = CONFIG.model_dump(mode="json")
    config["search"] |= {"scheduler": "fifo"}
    assert rungs_section(study([trial(0, 1000, 0.9)], config=config)) is None
