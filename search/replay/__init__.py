"""Replays of searches: recorded or computed curves under a simulated clock, with any number of workers.

A whole study takes seconds; samplers and schedulers are compared by what they would have found when.
"""

from __future__ import annotations

from typing import Any

_HOMES = {
    "Curve": "search.replay.problem",
    "Problem": "search.replay.problem",
    "Table": "search.replay.table",
    "replay": "search.replay.simulation",
}
__all__ = ["Curve", "Problem", "Table", "replay"]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
