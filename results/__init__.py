"""What was found: the ledger, fronts, statistics, pictures, reports and exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from space.core.lazy import lazy_names

if TYPE_CHECKING:
    from results.front import pareto_front
    from results.storage.records import TrialRecord
    from results.study import StudyResults, open_study

_MODULES = {
    "StudyResults": "results.study",
    "TrialRecord": "results.storage.records",
    "open_study": "results.study",
    "pareto_front": "results.front",
}
__all__ = ["StudyResults", "TrialRecord", "open_study", "pareto_front"]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
