"""mgnas in Optuna studies of your own: a sampler for known costs, and early stopping with several objectives.

Example:
    >>> import optuna
    >>> from mgnas.optuna import EarlyStopping, FrontierSampler
"""

from __future__ import annotations

from mgnas import EarlyStopping, FrontierSampler, note_epoch

__all__ = ["EarlyStopping", "FrontierSampler", "note_epoch"]
