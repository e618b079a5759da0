"""The columns of the DataFrames of a comparison."""

from __future__ import annotations

from collections.abc import Iterable

from results.columns import NOTATION, TRIAL, VAL_ACCURACY, Column
from results.storage.objectives import COSTS

STUDY = Column("study", "string", "the study, as it was named")
METHOD = Column("method", "string", "the method")

STUDIES = (
    STUDY,
    METHOD,
    Column("seed", "Int64", "seed of the study"),
    Column("trials", "int64", "trials that ended"),
    Column("results", "int64", "trials with a result"),
    Column("epochs", "int64", "trained epochs of the search"),
    Column("searched_s", "float64", "search time without pauses and references, s"),
    Column("hypervolume", "float64", "final hypervolume in the common box, 0 to 1"),
    Column("equal_epochs", "float64", "hypervolume after as many epochs as each study has"),
    Column("best_accuracy", "float64", "highest validation accuracy, 0 to 1"),
    Column("front", "int64", "networks on the front of the study"),
    Column("on_combined_front", "int64", "of these, networks on the front of all studies"),
)
METHODS = (
    METHOD,
    Column("studies", "int64", "number of its studies"),
    Column("hypervolume", "float64", "median of the final hypervolume"),
    Column("hypervolume_q1", "float64", "its first quartile"),
    Column("hypervolume_q3", "float64", "its third quartile"),
    Column("equal_epochs", "float64", "median of the hypervolume after equal epochs"),
    Column("equal_epochs_q1", "float64", "its first quartile"),
    Column("equal_epochs_q3", "float64", "its third quartile"),
    Column("best_accuracy", "float64", "median of the highest validation accuracy, 0 to 1"),
    Column("on_combined_front", "int64", "networks on the front of all studies"),
)
TESTS = (
    Column("measure", "string", "hypervolume or equal_epochs"),
    Column("method", "string", "the first method"),
    Column("other", "string", "the second method"),
    Column("num_a", "int64", "studies of the first method"),
    Column("num_b", "int64", "studies of the second method"),
    Column(
        "effect", "float64", "probability that the first is higher, plus half of a tie; 0.5 is no difference"
    ),
    Column("p_value", "float64", "two-sided Mann-Whitney U test; missing with too few studies"),
    Column("p_holm", "float64", "p-value corrected for the pairs of methods (Holm)"),
)
COVERAGE = (
    Column("method", "string", "the method whose merged front dominates"),
    Column("other", "string", "the method whose merged front is dominated"),
    Column("coverage", "float64", "share that is weakly dominated, 0 to 1; missing for an empty front"),
)
FRONTS = (
    STUDY,
    METHOD,
    TRIAL,
    NOTATION,
    VAL_ACCURACY,
    Column("on_combined_front", "bool", "whether no network of any study dominates it"),
    Column("dominated_by_study", "string", "study of the most accurate network that dominates it"),
    Column("dominated_by_trial", "Int64", "number of this network's trial"),
)
HISTORY = (
    STUDY,
    METHOD,
    Column("result", "int64", "number of the result, from 1, in order of time"),
    Column("searched_s", "float64", "search time until it, without pauses and references, s"),
    Column("epochs", "int64", "epochs that the search had trained by then"),
    Column("hypervolume", "float64", "hypervolume after it, in the common box"),
)
ATTAINMENT = (
    METHOD,
    Column("cost", "string", "name of the cost"),
    Column("level", "float64", "share of the studies that attain the surface"),
    Column("value", "float64", "cost of the point"),
    Column("error", "float64", "error of the point, 1 - accuracy"),
)


def costs(names: Iterable[str]) -> list[Column]:
    """Return one column for each cost, with its unit."""
    return [Column(cost.name, "float64", cost.heading) for cost in COSTS.values() if cost.name in set(names)]
