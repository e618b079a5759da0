"""The results of studies: the ledger, fronts, statistics, charts, reports and exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from space.core.lazy import lazy_names

if TYPE_CHECKING:
    from results.front import pareto_front
    from results.open import Study, open_study
    from results.storage.records import TrialRecord

_MODULES = {
    "Study": "results.open",
    "TrialRecord": "results.storage.records",
    "open_study": "results.open",
    "pareto_front": "results.front",
}
__all__ = ["Study", "TrialRecord", "open_study", "pareto_front"]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
