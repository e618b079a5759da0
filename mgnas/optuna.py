"""mgnas in Optuna studies of your own: a sampler for known costs, and early stopping with several objectives.

Example:
    >>> import optuna
    >>> from mgnas.optuna import EarlyStopping, FrontierSampler
"""

from __future__ import annotations

from search.frontier.optuna.early_stopping import EarlyStopping
from search.frontier.optuna.sampler import FrontierSampler
from search.frontier.optuna.trials import note_epoch

__all__ = ["EarlyStopping", "FrontierSampler", "note_epoch"]
