"""The frontier sampler: a search for the front of a learned error against known costs.

``FrontierSampler`` is for anybody's Optuna study, and ``note_epoch`` lets it learn from trainings under way.
"""

from __future__ import annotations

from typing import Any

__all__ = ["FrontierSampler", "note_epoch"]


def __getattr__(name: str) -> Any:
    """Import a public name where it is first used: Optuna takes its time."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from search.frontier.optuna import sampler, trials

    return getattr(trials if name == "note_epoch" else sampler, name)
