"""The DataFrames of a certification have the declared columns and the certified figures."""

from __future__ import annotations

import pandas as pd
import pytest

from results.certification.certification import Certification
from results.certification.frames import (
    CONFUSION,
    NETWORKS,
    TRAININGS,
    confusion_frame,
    networks_frame,
    trainings_frame,
)
from results.columns import Column
from tests.support.certified import CLASSES, NUM_IMAGES, make_certification
from tests.support.factories import make_trial


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def declared(columns: tuple[Column, ...]) -> dict[str, str]:
    return {column.name: column.dtype for column in columns}


@pytest.fixture(scope="module")
def certification() -> Certification:
    searched = [
        make_trial(0, params=100, val_accuracy=0.6),
        make_trial(1, params=200, val_accuracy=0.9, latency_ms=2.0),
        make_trial(2, params=300, val_accuracy=0.8),
    ]
    other = {"origin": "reference", "name": "resnet18@0.05", "search_trial": None, "search_accuracy": None}
    return make_certification(searched, origins={searched[2].arch: other})


@pytest.mark.parametrize("spreads", [(0.0,), (-0.02, 0.02)])
def test_frames_have_the_declared_dtypes(spreads: tuple[float, ...]) -> None:
    made = make_certification([make_trial(0)], spreads)
    assert dtypes(made.networks_frame()) == declared(NETWORKS)
    assert dtypes(made.trainings_frame()) == declared(TRAININGS)
    assert dtypes(made.confusion_frame()) == declared(CONFUSION)


def test_frames_without_networks_have_the_declared_dtypes() -> None:
    assert dtypes(networks_frame(())) == declared(NETWORKS)
    assert dtypes(trainings_frame(())) == declared(TRAININGS)
    assert dtypes(confusion_frame((), CLASSES)) == declared(CONFUSION)


def test_networks_frame_has_the_figures_of_each_network(certification: Certification) -> None:
    frame = certification.networks_frame()
    assert frame["params"].tolist() == [100, 200, 300]
    assert frame["on_front"].tolist() == [True, True, False]
    assert frame["search_trial"].tolist() == [0, 1, pd.NA]
    assert frame["latency_ms"].tolist() == pytest.approx([float("nan"), 2.0, float("nan")], nan_ok=True)
    best = frame.iloc[1]
    assert best["val_accuracy"] == pytest.approx(0.9)
    assert best["val_deviation"] == pytest.approx(0.02)
    assert best["val_error"] == pytest.approx((0.02**2 / 3 + 0.9 * 0.1 / 400) ** 0.5)
    assert best["gap"] == pytest.approx(0.9 - best["test_accuracy"])
    assert best["test_low"] < best["test_accuracy"] < best["test_high"]
    assert pd.isna(frame["front_probability"].iloc[2])


def test_means_over_the_trainings_are_the_figures_of_the_networks(certification: Certification) -> None:
    trainings, networks = certification.trainings_frame(), certification.networks_frame()
    means = trainings.groupby("arch", sort=False)[["val_accuracy", "test_accuracy"]].mean()
    pd.testing.assert_frame_equal(means, networks.set_index("arch")[["val_accuracy", "test_accuracy"]])
    exported = trainings[trainings["exported"]]
    assert exported["val_accuracy"].tolist() == pytest.approx([0.62, 0.92, 0.82])


def test_confusion_frame_counts_each_test_image_once_for_each_seed(certification: Certification) -> None:
    confusion = certification.confusion_frame()
    assert len(confusion) == 3 * len(CLASSES) ** 2
    assert (confusion.groupby("arch")["images"].sum() == 3 * NUM_IMAGES).all()
    is_right = confusion["true_class"] == confusion["predicted_class"]
    right = confusion[is_right].groupby("arch")["images"].sum() / (3 * NUM_IMAGES)
    found = certification.networks_frame().set_index("arch")["test_accuracy"]
    pd.testing.assert_series_equal(right, found.sort_index(), check_names=False)
