"""mgnas in Optuna studies of your own: a sampler for known costs, and early stopping with several objectives.

Example:
    >>> import optuna
    >>> from mgnas.optuna import EarlyStopping, FrontierSampler
"""

from __future__ import annotations

from mgnas import import_own_packages

import_own_packages()  # even beside a user's search.py

from search.frontier.optuna.early_stopping import EarlyStopping  # noqa: E402
from search.frontier.optuna.sampler import FrontierSampler  # noqa: E402
from search.frontier.optuna.trials import note_epoch  # noqa: E402

__all__ = ["EarlyStopping", "FrontierSampler", "note_epoch"]
