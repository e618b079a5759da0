"""How a study runs: configuration, samplers, schedulers, executors, driver, command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from search.cli.own_packages import import_own_packages
from space.core.lazy import lazy_names

if TYPE_CHECKING:
    from search.study.api import run_search
    from search.study.config import StudyConfig
    from search.study.run import run_study

_MODULES = {
    "StudyConfig": "search.study.config",
    "run_search": "search.study.api",
    "run_study": "search.study.run",
}
__all__ = ["StudyConfig", "run_search", "run_study"]

import_own_packages()  # a results.py beside a script would shadow ours
__getattr__, __dir__ = lazy_names(__name__, _MODULES)
