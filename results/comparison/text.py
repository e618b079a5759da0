"""A comparison as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from results.comparison.rank_test import ALPHA, smallest_p
from results.tables import print_table
from space.core.text import duration, plural

if TYPE_CHECKING:
    import pandas as pd

    from results.comparison.data import ComparisonData

MEASURE_TITLES = {"hypervolume": "final", "equal_epochs": "equal epochs"}
Table = tuple[list[str], list[list[str]]]


def print_comparison(comparison: ComparisonData, stream: TextIO) -> None:
    """Print a comparison: methods, studies, tests, coverage, differences and warnings."""
    num_methods = len(set(comparison.method_of.values()))
    stream.write(
        f"{plural(len(comparison.names), 'study', 'studies')} of {comparison.data}, "
        f"{plural(num_methods, 'method')}\n"
        f"hypervolume: share of the box {comparison.box}\n"
        f"equal epochs: the hypervolume after {plural(comparison.common_epochs, 'epoch')}\n"
    )
    for (header, rows), text_columns in tables(comparison):
        if rows:
            stream.write("\n")
            print_table(header, rows, stream, text_columns)
    for title, lines in (("differences", comparison.differences), ("warnings", comparison.warnings)):
        if lines:
            stream.write(f"\n{title}:\n")
            stream.writelines(f"  {line}\n" for line in lines)


def tables(comparison: ComparisonData) -> list[tuple[Table, tuple[int, ...]]]:
    """Return the tables with the places of their text columns: methods, studies, tests, coverage."""
    return [
        (methods_table(comparison), (0,)),
        (studies_table(comparison), (0, 1)),
        (tests_table(comparison), (0, 1, 2)),
        (coverage_table(comparison), (0, 1)),
    ]


def methods_table(comparison: ComparisonData) -> Table:
    """Return the methods with medians, and quartiles where a method has several studies."""
    header = ["method", "studies", "hypervolume", "at equal epochs", "best accuracy", "on combined front"]
    rows = [
        [
            row.method,
            str(row.studies),
            _with_quartiles(row, "hypervolume"),
            _with_quartiles(row, "equal_epochs"),
            _percent(row.best_accuracy),
            str(row.on_combined_front),
        ]
        for row in _rows(comparison.methods())
    ]
    return header, rows


def _rows(frame: pd.DataFrame) -> Iterator[Any]:
    yield from frame.itertuples()


def _with_quartiles(row: Any, measure: str) -> str:
    middle = f"{getattr(row, measure):.4f}"
    if row.studies == 1:
        return middle
    return f"{middle} ({getattr(row, measure + '_q1'):.4f} to {getattr(row, measure + '_q3'):.4f})"


def studies_table(comparison: ComparisonData) -> Table:
    """Return the studies with their budgets and hypervolumes."""
    header = ["study", "method", "seed", "trials", "epochs", "time", "hypervolume", "at equal epochs"]
    header += ["best accuracy", "front", "on combined front"]
    rows = [
        [
            row.study,
            row.method,
            _or_dash(row.seed),
            str(row.trials),
            str(row.epochs),
            duration(row.searched_s),
            f"{row.hypervolume:.4f}",
            f"{row.equal_epochs:.4f}",
            _percent(row.best_accuracy),
            str(row.front),
            str(row.on_combined_front),
        ]
        for row in _rows(comparison.studies())
    ]
    return header, rows


def tests_table(comparison: ComparisonData) -> Table:
    """Return the tests of all pairs of methods."""
    header = ["hypervolume", "method", "other", "n", "P(method > other)", "p (Holm)"]
    rows = [
        [
            MEASURE_TITLES[row.measure],
            row.method,
            row.other,
            f"{row.num_a} : {row.num_b}",
            f"{row.effect:.2f}",
            _p_value(row),
        ]
        for row in _rows(comparison.tests())
    ]
    return header, rows


def _p_value(row: Any) -> str:
    if row.p_holm != row.p_holm:
        return f"too few studies (p >= {smallest_p(row.num_a, row.num_b):.2g})"
    return f"{row.p_holm:.2g}{'' if row.p_holm > ALPHA else ' *'}"


def coverage_table(comparison: ComparisonData) -> Table:
    """Return the coverage of each ordered pair of methods."""
    rows = [[row.method, row.other, _percent(row.coverage)] for row in _rows(comparison.coverage())]
    return ["method", "dominates of the front of", "share"], rows


def _percent(value: float) -> str:
    return "–" if value != value else f"{100 * value:.2f} %"


def _or_dash(value: Any) -> str:
    import pandas as pd

    return "–" if pd.isna(value) else str(value)
