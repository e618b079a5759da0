"""Profiles of hypothesis: ``quick`` for every change, ``thorough`` in CI; both draw the same examples each time."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import settings

IS_THOROUGH = bool(os.environ.get("CI")) or os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
QUICK_FRACTION = 5
"""The profile ``quick`` draws this many times fewer examples than ``thorough``."""
FEWEST_EXAMPLES = 10


def load_profile() -> None:
    """Register both profiles and load the one that the environment selects."""
    settings.register_profile("quick", deadline=None, derandomize=True, max_examples=25)
    settings.register_profile("thorough", deadline=None, derandomize=True, max_examples=100)
    settings.load_profile("thorough" if IS_THOROUGH else "quick")


def examples(thorough: int, **changes: Any) -> settings:
    """Return settings with a number of examples of its own: ``thorough``, or the share of it for ``quick``."""
    quick = max(min(FEWEST_EXAMPLES, thorough), thorough // QUICK_FRACTION)
    return settings(max_examples=thorough if IS_THOROUGH else quick, **changes)
