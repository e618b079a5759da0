"""The comparison of studies: what is refused, the methods, and every frame against values made by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from results.comparison import columns
from results.comparison.compare import Comparison, compare
from results.open import open_study
from space.core.errors import InvalidInputError
from tests.support.compared_studies import write_study
from tests.support.synthetic import CONFIG, DATA, trial

TPE = {"sampler": "tpe", "scheduler": "fifo"}
POINTS = {
    "a1": [(1000, 0.5), (2000, 0.8)],
    "a2": [(1000, 0.6), (3000, 0.9)],
    "b1": [(1500, 0.5), (2000, 0.7)],
    "b2": [(5000, 0.95)],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two studies of the default sampler and two of TPE; the last has one trial."""
    home = tmp_path_factory.mktemp("runs")
    return [
        write_study(home / name, points, seed=int(name[1]), search=TPE if name[0] == "b" else None)
        for name, points in POINTS.items()
    ]


@pytest.fixture(scope="module")
def comparison(folders: list[Path]) -> Comparison:
    return compare(folders)


def by_hand(points: list[tuple[int, float]]) -> float:
    """The share of the box of error and log parameters from 100 to 10,000."""
    area, floor = 0.0, 1.0
    for params, accuracy in sorted(points):
        position = math.log(params / 100) / math.log(100)
        area += (1 - position) * max(0.0, floor - (1 - accuracy))
        floor = min(floor, 1 - accuracy)
    return area


def test_studies_have_their_hypervolume_in_the_common_box(comparison: Comparison) -> None:
    frame = comparison.studies()
    assert frame["hypervolume"].tolist() == pytest.approx([by_hand(points) for points in POINTS.values()])
    assert frame["epochs"].tolist() == [8, 8, 8, 4]
    assert frame["seed"].tolist() == [1, 2, 1, 2]
    assert comparison.common_epochs == 4
    assert frame["equal_epochs"].tolist() == pytest.approx(
        [by_hand(points[:1]) for points in POINTS.values()]
    )


def test_studies_of_one_configuration_are_repeats_of_a_method(comparison: Comparison) -> None:
    assert list(comparison.method_of.values()) == ["frontier + freeze_thaw"] * 2 + ["tpe + fifo"] * 2
    frame = comparison.methods().set_index("method")
    volumes = [by_hand(POINTS[name]) for name in ("b1", "b2")]
    assert frame.loc["tpe + fifo", "hypervolume"] == pytest.approx(np.median(volumes))
    assert frame.loc["tpe + fifo", "hypervolume_q1"] == pytest.approx(np.quantile(volumes, 0.25))
    assert frame["studies"].tolist() == [2, 2]


def test_keys_of_a_run_make_no_methods(tmp_path: Path) -> None:
    runs = [
        {"executor": "local", "trials_per_gpu": 1.0, "max_silence_s": 120.0},
        {"executor": "ray", "trials_per_gpu": 4.0, "max_silence_s": 60.0, "address": "auto"},
    ]
    studies = [
        write_study(tmp_path / f"s{seed}", POINTS["a1"], seed=seed, search=TPE | run)
        for seed, run in enumerate(runs)
    ]
    assert set(compare(studies).method_of.values()) == {"tpe + fifo"}


def test_fronts_say_which_network_dominates(comparison: Comparison) -> None:
    frame = comparison.fronts().set_index(["study", "trial"])
    names = {Path(name).name: name for name in comparison.names}
    first = frame.loc[(names["b1"], 0)]
    assert (first["dominated_by_study"], first["dominated_by_trial"]) == (names["a2"], 0)
    best = frame.loc[(names["b2"], 0)]
    assert best["on_combined_front"]
    assert best["dominated_by_trial"] is not None
    on_front = frame[frame["on_combined_front"]].index.tolist()
    assert on_front == [(names["a1"], 1), (names["a2"], 0), (names["a2"], 1), (names["b2"], 0)]
    assert comparison.studies()["on_combined_front"].tolist() == [1, 2, 0, 1]


def test_coverage_is_the_share_of_the_merged_front(comparison: Comparison) -> None:
    assert comparison.coverage()["coverage"].tolist() == pytest.approx([2 / 3, 0.0])


def test_two_repeats_are_too_few_for_a_p_value(comparison: Comparison) -> None:
    frame = comparison.tests()
    assert frame["measure"].tolist() == ["hypervolume", "equal_epochs"]
    assert frame[["num_a", "num_b"]].to_numpy().tolist() == [[2, 2], [2, 2]]
    assert frame["p_value"].isna().all()
    a1, a2, b1, b2 = (by_hand(points) for points in POINTS.values())
    assert frame["effect"].iloc[0] == np.mean([x > y for x in (a1, a2) for y in (b1, b2)])


def test_history_counts_epochs_and_time(comparison: Comparison) -> None:
    frame = comparison.history()
    mine = frame[frame["study"] == comparison.names[0]]
    assert mine["epochs"].tolist() == [4, 8]
    assert mine["searched_s"].tolist() == [10.0, 20.0]
    assert mine["hypervolume"].tolist() == pytest.approx([by_hand(POINTS["a1"][:1]), by_hand(POINTS["a1"])])


def test_attainment_has_the_best_and_the_worst_of_two_studies(comparison: Comparison) -> None:
    frame = comparison.attainment()
    mine = frame[frame["method"] == "frontier + freeze_thaw"]
    surfaces = {level: one[["value", "error"]].to_numpy() for level, one in mine.groupby("level")}
    assert surfaces[0.5] == pytest.approx(np.array([[1000, 0.4], [2000, 0.2], [3000, 0.1]]))
    assert surfaces[0.75] == pytest.approx(np.array([[1000, 0.5], [2000, 0.4], [3000, 0.2]]))


def test_frames_have_the_declared_columns(comparison: Comparison) -> None:
    declared = {
        "studies": columns.STUDIES,
        "methods": columns.METHODS,
        "tests": columns.TESTS,
        "coverage": columns.COVERAGE,
        "fronts": (*columns.FRONTS, *columns.costs(["params"])),
        "history": columns.HISTORY,
        "attainment": columns.ATTAINMENT,
    }
    for name, expected in declared.items():
        frame = getattr(comparison, name)()
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == {
            column.name: column.dtype for column in expected
        }


def test_differences_and_the_document(comparison: Comparison) -> None:
    assert [line.partition(":")[0] for line in comparison.differences] == [
        "search.trials",
        "search.sampler",
        "search.scheduler",
    ]
    assert comparison.warnings == [
        "the studies trained 4 to 8 epochs; the final hypervolume favours longer ones"
    ]
    document = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert document["tests"][0]["p_value"] is None
    assert document["box"] == {"params": [100.0, 10_000.0]}
    assert len(document["studies"]) == 4


@pytest.mark.parametrize(
    ("group", "methods"),
    [
        ("study", 4),
        ("search.sampler", ["frontier", "frontier", "tpe", "tpe"]),
        (["train.lr", "search.trials"], ["trials=2", "trials=2", "trials=2", "trials=1"]),
        ("train.lr", ["all studies"] * 4),
    ],
)
def test_group_chooses_the_methods(folders: list[Path], group: Any, methods: Any) -> None:
    found = list(compare(folders, group).method_of.values())
    assert found == methods or len(set(found)) == methods


@pytest.mark.parametrize(
    ("group", "says"),
    [
        ("search.samplr", "but got 'search.samplr'; did you mean 'search.sampler'?"),
        ("", "group is empty"),
        ([], "group is empty"),
    ],
)
def test_groups_without_a_key_are_refused(folders: list[Path], group: Any, says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        compare(folders, group)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"data": DATA | {"fingerprint": "1" * 16}}, "studies of different images or splits cannot be"),
        (
            {"cost_ranges": {"params": (1, 2), "macs": (1, 2)}},
            "studies of different costs cannot be compared: ",
        ),
        ({"plan": (("MgNet[1,1]-4-B^l", 0),)}, "trains named networks ('mgnas train') and is no search"),
        (
            {"config": CONFIG.model_dump(mode="json") | {"train": {"metric": "balanced_accuracy"}}},
            "studies of different metrics cannot be compared",
        ),
    ],
)
def test_studies_of_other_problems_are_refused(
    folders: list[Path], tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    other = write_study(tmp_path / "other", [(1000, 0.5)], **changes)
    with pytest.raises(InvalidInputError) as caught:
        compare([folders[0], other])
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_one_study_and_the_same_study_twice_are_refused(folders: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="needs two or more studies, but got 1"):
        compare(folders[:1])
    (tmp_path / "link").symlink_to(folders[0])
    with pytest.raises(InvalidInputError, match="link is named twice"):
        compare([open_study(folders[0]), tmp_path / "link"])
    with pytest.raises(InvalidInputError, match="must be a list of folders"):
        compare(str(folders[0]))


def test_empty_unfinished_and_equally_seeded_studies_are_named(tmp_path: Path) -> None:
    failed = trial(0, 1000, None, reason="diverged")
    made = [
        write_study(tmp_path / "empty", [], seed=1),
        write_study(tmp_path / "failed", [], seed=2, records=[failed]),
        write_study(tmp_path / "open", [(1000, 0.5)], seed=3, trials=9),
        write_study(tmp_path / "same", [(1000, 0.5)], seed=3),
    ]
    comparison = compare(made)
    text = "\n".join(comparison.warnings)
    assert "empty: no trial has finished with a result yet; its hypervolume is 0" in text
    assert "failed: no trial has a result; 1 failed, the last one: diverged" in text
    assert "open is not complete: 1 of 9 trials" in text
    assert "have the same seed 3" in text
    assert comparison.studies()["hypervolume"].tolist()[:2] == [0.0, 0.0]
    assert comparison.studies()["best_accuracy"].isna().tolist() == [True, True, False, False]
    *_, median = comparison.hypervolume_figure().data
    assert median.y[-1] == pytest.approx(by_hand([(1000, 0.5)]) / 2)
    assert [trace.name for trace in comparison.attainment_figure().data] == ["frontier + freeze_thaw"]
    json.dumps(comparison.to_dict(), allow_nan=False)


def test_studies_without_any_result_are_compared(tmp_path: Path) -> None:
    made = [write_study(tmp_path / name, [], search=TPE if name == "b" else None) for name in ("a", "b")]
    comparison = compare(made)
    assert comparison.coverage()["coverage"].isna().all()
    assert comparison.attainment().empty
    assert comparison.fronts().empty
    assert [set(trace.y) for trace in comparison.hypervolume_figure().data] == [{0.0}, {0.0}]
    assert len(comparison.attainment_figure().data) == 0


def test_the_box_covers_the_spaces_and_the_measured_costs_of_all_studies(tmp_path: Path) -> None:
    ranges = {"cost_ranges": {"params": (100, 5000), "latency_ms": None}}
    wider = {"cost_ranges": {"params": (50, 2000), "latency_ms": None}}
    slow = [trial(0, 1000, 0.5, latency_ms=4.0)]
    fast = [trial(0, 1000, 0.5, latency_ms=1.0), trial(1, 900, 0.7)]
    made = [
        write_study(tmp_path / "a", [], records=slow, **ranges),
        write_study(tmp_path / "b", [], records=fast, **wider),
    ]
    comparison = compare(made, "study")
    assert comparison.to_dict()["box"] == {"params": [50.0, 5000.0], "latency_ms": [1.0, 4.0]}
    assert set(comparison.attainment()["cost"]) == {"params", "latency_ms"}
    assert comparison.fronts()["latency_ms"].tolist() == [4.0, 1.0]
    assert comparison.fronts()["on_combined_front"].tolist() == [False, True]


@pytest.mark.parametrize(
    ("against", "title"), [("epochs", "epochs of the search"), ("searched_s", "search time, s")]
)
def test_hypervolume_figure_has_a_line_and_a_band_for_each_method(
    comparison: Comparison, against: str, title: str
) -> None:
    figure = comparison.hypervolume_figure(against)
    assert figure.layout.xaxis.title.text == title
    lines = [trace for trace in figure.data if trace.name]
    assert [line.name for line in lines] == ["frontier + freeze_thaw", "tpe + fifo"]
    assert len(figure.data) == 6
    assert lines[0].y[-1] == pytest.approx(comparison.methods()["hypervolume"].iloc[0])


def test_figures_of_other_axes_are_refused(comparison: Comparison) -> None:
    with pytest.raises(InvalidInputError, match="against must be one of epochs, searched_s, but got 'hours'"):
        comparison.hypervolume_figure("hours")
    with pytest.raises(InvalidInputError, match="cost must be one of params, but got 'macs'"):
        comparison.attainment_figure("macs")
