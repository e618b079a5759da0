"""What was found: the ledger's records, Pareto fronts, statistics, reports and exports.

Reads only what a study wrote; needs no GPU and no running search. ``open_study`` is the way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from results.front import pareto_front
    from results.indicators import hypervolume
    from results.records import TrialRecord
    from results.study import StudyResults, open_study

_HOMES = {
    "hypervolume": "results.indicators",
    "open_study": "results.study",
    "pareto_front": "results.front",
    "StudyResults": "results.study",
    "TrialRecord": "results.records",
}
__all__ = ["StudyResults", "TrialRecord", "hypervolume", "open_study", "pareto_front"]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
