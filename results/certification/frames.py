"""The DataFrames of a certification, with their columns and dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import TYPE_CHECKING, Any

from results.certification.records import CertifiedNetwork
from results.columns import NOTATION, Column
from results.frames import COST_COLUMNS, frame

if TYPE_CHECKING:
    import pandas as pd

_NETWORK = (
    Column("arch", "string", "identity of the network"),
    NOTATION,
    Column("name", "string", "trial of the search, or name of the network"),
)
NETWORKS = (
    *_NETWORK,
    Column("origin", "string", "front, neighbour, named, reference or other study"),
    Column("search_trial", "Int64", "trial of the search; missing for other networks"),
    Column("search_accuracy", "float64", "validation accuracy that the search reported, 0 to 1"),
    Column("params", "int64", "parameters"),
    Column("macs", "int64", "MACs of one image"),
    *(Column(column.name, "float64", f"{column.meaning}; mean over the seeds") for column in COST_COLUMNS),
    Column("seeds", "int64", "trainings"),
    Column("val_accuracy", "float64", "mean validation accuracy, 0 to 1; it selects the front"),
    Column("val_deviation", "float64", "its standard deviation over the seeds; missing for one seed"),
    Column("val_error", "float64", "standard error of the mean validation accuracy"),
    Column("val_low", "float64", "lower end of its 95 % interval"),
    Column("val_high", "float64", "upper end of its 95 % interval"),
    Column("test_accuracy", "float64", "mean test accuracy, 0 to 1"),
    Column("test_deviation", "float64", "its standard deviation over the seeds; missing for one seed"),
    Column("test_error", "float64", "standard error of the mean test accuracy"),
    Column("test_low", "float64", "lower end of its 95 % interval"),
    Column("test_high", "float64", "upper end of its 95 % interval"),
    Column("gap", "float64", "search_accuracy minus test_accuracy"),
    Column("calibration_error", "float64", "expected calibration error on the test split, 0 to 1"),
    Column("on_front", "bool", "whether the network is on the certified front"),
    Column("front_probability", "float64", "probability to be on the true front; missing for comparisons"),
)
TRAININGS = (
    *_NETWORK,
    Column("trial", "int64", "number of the trial in the study of the certification"),
    Column("seed", "int64", "seed of the training"),
    Column("epochs", "int64", "trained epochs"),
    Column("val_accuracy", "float64", "validation accuracy, 0 to 1"),
    Column("test_accuracy", "float64", "test accuracy, 0 to 1"),
    Column("train_s", "float64", "wall time of the training, s"),
    Column("exported", "bool", "whether an export takes the weights of this training"),
)
CONFUSION = (
    *_NETWORK,
    Column("true_class", "string", "name of the true class"),
    Column("predicted_class", "string", "name of the predicted class"),
    Column("images", "int64", "test images, summed over the seeds"),
)


def networks_frame(networks: Sequence[CertifiedNetwork]) -> pd.DataFrame:
    """Return one row for each network, in the order given."""
    return frame(NETWORKS, [_network_row(network) for network in networks])


def _network_row(network: CertifiedNetwork) -> dict[str, Any]:
    facts = (
        "origin",
        "search_trial",
        "search_accuracy",
        "gap",
        "calibration_error",
        "on_front",
        "front_probability",
    )
    estimates = {}
    for name, estimate in (("val", network.val), ("test", network.test)):
        figures = asdict(estimate)
        estimates[f"{name}_accuracy"] = figures.pop("mean")
        estimates |= {f"{name}_{key}": value for key, value in figures.items()}
    costs = {column.name: _mean_cost(network, column.name) for column in COST_COLUMNS}
    first = network.trainings[0]
    counts = {"params": first.params, "macs": first.macs, "seeds": network.test.count}
    return _names(network) | {name: getattr(network, name) for name in facts} | estimates | costs | counts


def _mean_cost(network: CertifiedNetwork, name: str) -> float | None:
    """Return the mean of a cost over the trainings that measured it; None if none did."""
    known = [cost for trial in network.trainings if (cost := trial.cost(name)) is not None]
    return fmean(known) if known else None


def _names(network: CertifiedNetwork) -> dict[str, Any]:
    return {"arch": network.arch, "notation": network.notation, "name": network.name}


def trainings_frame(networks: Sequence[CertifiedNetwork]) -> pd.DataFrame:
    """Return one row for each training of the networks."""
    rows = [
        _names(network)
        | {
            "trial": trial.number,
            "seed": trial.seed,
            "epochs": trial.epochs,
            "val_accuracy": trial.val_accuracy,
            "test_accuracy": network.test_accuracies[place],
            "train_s": trial.train_s,
            "exported": place == network.exported_place,
        }
        for network in networks
        for place, trial in enumerate(network.trainings)
    ]
    return frame(TRAININGS, rows)


def confusion_frame(networks: Sequence[CertifiedNetwork], classes: Sequence[str]) -> pd.DataFrame:
    """Return one row for each network, true class and predicted class; ``classes`` names the classes in order."""
    rows = [
        _names(network) | {"true_class": true, "predicted_class": predicted, "images": images}
        for network in networks
        for true, counts in zip(classes, network.confusion, strict=True)
        for predicted, images in zip(classes, counts, strict=True)
    ]
    return frame(CONFUSION, rows)
