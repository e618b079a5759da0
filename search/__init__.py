"""How a study runs: configuration, samplers, scheduler, executors, driver, command line.

``run_search`` is the way in from Python; ``mgnas search`` is the same from a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from search.own_packages import import_own_packages

if TYPE_CHECKING:
    from search.api import run_search
    from search.config import StudyConfig
    from search.run import run_study

_HOMES = {"run_search": "search.api", "run_study": "search.run", "StudyConfig": "search.config"}
__all__ = ["StudyConfig", "run_search", "run_study"]

import_own_packages()  # before anything else: a results.py beside a script would be taken for ours


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used, so that importing the package costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
