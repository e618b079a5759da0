"""The frontier sampler and early stopping of mgnas, as a package of OptunaHub."""

from mgnas.optuna import EarlyStopping, FrontierSampler, note_epoch

__all__ = ["EarlyStopping", "FrontierSampler", "note_epoch"]
