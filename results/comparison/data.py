"""The data of a comparison: its DataFrames and plotly figures."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from results.comparison import columns
from results.comparison.dominance import FrontPoint, coverage, front_points, merged
from results.comparison.methods import differences, settings_of, warnings
from results.comparison.problem import box_text, common_objectives
from results.comparison.rank_test import holm, rank_test
from results.frames import frame
from results.front import accuracy, complete_trials
from results.picks import best
from results.search_progress import SearchProgress, Step, search_progress
from results.study import StudyReader
from space.core.errors import InvalidInputError, shown

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

MEASURES = ("hypervolume", "equal_epochs")
"""The measures that are tested: the final hypervolume, and that after the same number of epochs."""


class ComparisonData:
    """The figures of a comparison as DataFrames and plotly figures; ``Comparison`` can also write its page.

    The hypervolume is the share of a box that is common to all studies: error from 0 to 1, and the logarithm of each
    cost over the widest range of the studies.

    Attributes:
        names: The studies, as they were given.
        method_of: The method of each study.
        box: The common box as text.
        differences: The settings in which the studies differ, one line each.
        warnings: What weakens the comparison, one line each.
    """

    def __init__(self, studies: dict[str, StudyReader], method_of: dict[str, str]) -> None:
        self._studies = studies
        self.names = list(studies)
        self.method_of = method_of
        self._objectives = common_objectives(list(studies.values()))
        self.box = box_text(self._objectives)
        self.differences = differences(studies)
        self.warnings = warnings(studies, method_of)

    def __repr__(self) -> str:
        return f"<comparison of {len(self.names)} studies, methods: {', '.join(self._members)}>"

    @property
    def data(self) -> str:
        """The name of the images."""
        return str(self._studies[self.names[0]].header.data.get("name", ""))

    @property
    def cost_names(self) -> tuple[str, ...]:
        """The names of the costs of the studies."""
        return self._objectives.names

    @cached_property
    def _members(self) -> dict[str, list[str]]:
        members: dict[str, list[str]] = {}
        for name, method in self.method_of.items():
            members.setdefault(method, []).append(name)
        return members

    @cached_property
    def _progress(self) -> dict[str, SearchProgress]:
        return {name: search_progress(study, self._objectives) for name, study in self._studies.items()}

    @cached_property
    def _points(self) -> list[FrontPoint]:
        fronts = {name: study.front_records for name, study in self._studies.items()}
        return front_points(fronts, self._objectives)

    @cached_property
    def common_epochs(self) -> int:
        """The number of epochs that each study has trained at least."""
        return min(study.num_epochs for study in self._studies.values())

    @cached_property
    def _study_rows(self) -> list[dict[str, Any]]:
        rows = []
        for name, study in self._studies.items():
            progress, front = self._progress[name], study.front_records
            steps = progress.steps
            rows.append(
                {
                    "study": name,
                    "method": self.method_of[name],
                    "seed": settings_of(study.header.config).get("search.seed"),
                    "trials": study.num_finished,
                    "results": len(complete_trials(study.records)),
                    "epochs": study.num_epochs,
                    "searched_s": study.searched_s - progress.references_s,
                    "hypervolume": steps[-1].hypervolume if steps else 0.0,
                    "equal_epochs": hypervolume_at(steps, self.common_epochs),
                    "best_accuracy": accuracy(best(front)) if front else None,
                    "front": len(front),
                    "on_combined_front": sum(p.study == name and p.on_combined_front for p in self._points),
                }
            )
        return rows

    def studies(self) -> pd.DataFrame:
        """Return one row for each study; the reference of [DataFrames](dataframes.md) lists the columns."""
        return frame(columns.STUDIES, self._study_rows)

    def methods(self) -> pd.DataFrame:
        """Return one row for each method: medians and quartiles of the hypervolume over its studies."""
        import numpy as np

        rows = []
        for method, members in self._members.items():
            mine = [row for row in self._study_rows if row["study"] in members]
            row: dict[str, Any] = {"method": method, "studies": len(mine)}
            for measure in MEASURES:
                low, middle, high = np.quantile([one[measure] for one in mine], (0.25, 0.5, 0.75))
                row |= {measure: middle, f"{measure}_q1": low, f"{measure}_q3": high}
            accuracies = [one["best_accuracy"] for one in mine if one["best_accuracy"] is not None]
            row["best_accuracy"] = float(np.median(accuracies)) if accuracies else None
            row["on_combined_front"] = sum(one["on_combined_front"] for one in mine)
            rows.append(row)
        return frame(columns.METHODS, rows)

    def tests(self) -> pd.DataFrame:
        """Return the Mann-Whitney U test of each pair of methods: effect size, p-value and corrected p-value.

        A p-value is missing if a pair has too few studies for any result below 0.05, such as three against three.
        ``p_holm`` is corrected for the pairs of one measure.
        """
        rows: list[dict[str, Any]] = []
        for measure in MEASURES:
            values = {
                method: [row[measure] for row in self._study_rows if row["method"] == method]
                for method in self._members
            }
            pairs = list(itertools.combinations(values, 2))
            found = [rank_test(values[a], values[b]) for a, b in pairs]
            corrected = holm([one.p_value for one in found])
            for (a, b), one, p_holm in zip(pairs, found, corrected, strict=True):
                rows.append({"measure": measure, "method": a, "other": b} | vars(one) | {"p_holm": p_holm})
        return frame(columns.TESTS, rows)

    def coverage(self) -> pd.DataFrame:
        """Return the set coverage of each ordered pair of methods.

        It is the share of the merged front of ``other`` that the merged front of ``method`` weakly dominates.
        """
        fronts = {
            method: merged([point for point in self._points if point.study in members])
            for method, members in self._members.items()
        }
        rows = [
            {"method": a, "other": b, "coverage": coverage(fronts[a], fronts[b])}
            for a, b in itertools.permutations(fronts, 2)
        ]
        return frame(columns.COVERAGE, rows)

    def fronts(self) -> pd.DataFrame:
        """Return one row for each network on the front of a study, and which network of another one dominates it."""
        rows = []
        for point in self._points:
            by_study, by_trial = point.dominated_by or (None, None)
            costs = dict(zip(self.cost_names, point.values[1:], strict=True))
            facts = {
                "study": point.study,
                "method": self.method_of[point.study],
                "trial": point.trial.number,
                "notation": point.trial.notation,
                "val_accuracy": accuracy(point.trial),
                "on_combined_front": point.on_combined_front,
                "dominated_by_study": by_study,
                "dominated_by_trial": by_trial,
            }
            rows.append(facts | costs)
        return frame((*columns.FRONTS, *columns.costs(self.cost_names)), rows)

    def history(self) -> pd.DataFrame:
        """Return one row for each result of each study: the hypervolume after it, against time and epochs."""
        rows = [
            {
                "study": name,
                "method": self.method_of[name],
                "result": step.num_results,
                "searched_s": step.clock_s,
                "epochs": step.epochs,
                "hypervolume": step.hypervolume,
            }
            for name, progress in self._progress.items()
            for step in progress.steps
        ]
        return frame(columns.HISTORY, rows)

    def attainment(self) -> pd.DataFrame:
        """Return the attainment surfaces of each method: the median, and the quartiles if it has several studies.

        Each cost has surfaces of its own, of error against this cost.
        """
        from results.attainment import QUARTILES, attainment_surfaces

        rows = []
        for method, members in self._members.items():
            levels = QUARTILES if len(members) > 1 else (0.5,)
            for cost in self._objectives.costs:
                fronts = [
                    [
                        (cost.of(trial), 1.0 - accuracy(trial))
                        for trial in complete_trials(self._studies[name].records)
                        if self._objectives.are_known(trial)
                    ]
                    for name in members
                ]
                for level, surface in attainment_surfaces(fronts, levels).items():
                    rows += [
                        {"method": method, "cost": cost.name, "level": level, "value": value, "error": error}
                        for value, error in surface.tolist()
                    ]
        return frame(columns.ATTAINMENT, rows)

    def hypervolume_figure(self, against: str = "epochs") -> go.Figure:
        """Return the hypervolume as a plotly figure: the median of each method with its quartiles.

        Args:
            against: ``"epochs"``, or ``"searched_s"`` for the time of search.

        Raises:
            InvalidInputError: ``against`` is neither of them.
        """
        from results.comparison.figures import hypervolume_figure

        return hypervolume_figure(self.history(), self._members, against)

    def attainment_figure(self, cost: str | None = None) -> go.Figure:
        """Return the median attainment surface of each method with its quartiles as a plotly figure.

        Args:
            cost: The cost of the horizontal axis; by default the first one of the studies.

        Raises:
            InvalidInputError: The studies do not minimise this cost.
        """
        from results.comparison.figures import attainment_figure

        cost = self.cost_names[0] if cost is None else cost
        if cost not in self.cost_names:
            raise InvalidInputError(
                f"cost must be one of {', '.join(self.cost_names)}, but got {shown(cost)}"
            )
        return attainment_figure(self.attainment(), list(self._members), cost)

    def to_dict(self) -> dict[str, Any]:
        """Return the document that ``mgnas compare --json`` prints."""
        frames = {
            "studies": self.studies(),
            "methods": self.methods(),
            "tests": self.tests(),
            "coverage": self.coverage(),
            "fronts": self.fronts(),
        }
        facts = {
            "data": self.data,
            "costs": list(self.cost_names),
            "box": {name: list(bounds or ()) for name, bounds in self._objectives.ranges.items()},
            "common_epochs": self.common_epochs,
            "differences": self.differences,
            "warnings": self.warnings,
        }
        return facts | {name: _records(one) for name, one in frames.items()}


def hypervolume_at(steps: Sequence[Step], epochs: int) -> float:
    """Return the hypervolume when this number of epochs was trained; 0 before the first result."""
    return next((step.hypervolume for step in reversed(steps) if step.epochs <= epochs), 0.0)


def _records(one: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as plain data; a missing value is None."""
    plain = one.astype(object).where(one.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]
