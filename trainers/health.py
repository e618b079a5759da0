"""Trainings that cannot come to anything are ended, with a reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from space.errors import MgnasError
from trainers.data import SearchData
from trainers.recipe import Recipe
from trainers.reports import EpochReport

STUCK_EPOCHS = 5
"""Epochs in a row without any progress after which a training is given up, and a third of all at least."""
STUCK_SHARE = 0.999
"""Of the loss of who knows nothing but how often each class is; what stays above it has not learnt."""


class TrainingFailedError(MgnasError):
    """The training ended without a usable network; the text is the reason."""


def check_health(reports: Sequence[EpochReport], recipe: Recipe, data: SearchData) -> None:
    """Raise TrainingFailedError if a loss is not finite, or the network has learnt nothing for long."""
    last = reports[-1]
    for kind, loss in (("training", last.train_loss), ("validation", last.val_loss)):
        if not math.isfinite(loss):
            raise TrainingFailedError(f"diverged: the {kind} loss is {loss} in epoch {last.epoch}")
    num_epochs = max(STUCK_EPOCHS, recipe.epochs // 3)
    if len(reports) == num_epochs:
        floor, chance = STUCK_SHARE * ignorant_loss(data), _best_guess(recipe, data)
        if all(report.train_loss > floor and report.val_accuracy <= chance for report in reports):
            raise TrainingFailedError(
                f"stuck: after {num_epochs} epochs the training loss is {last.train_loss:.4f}, "
                f"no better than guessing ({floor:.4f})"
            )


def ignorant_loss(data: SearchData) -> float:
    """Return the entropy of the train split's labels in nats: the loss of guessing by their frequencies."""
    shares = np.bincount(data.train.labels) / len(data.train)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _best_guess(recipe: Recipe, data: SearchData) -> float:
    """Return the accuracy that guessing reaches with good luck: two deviations more than expected."""
    shares = np.bincount(data.val.labels) / len(data.val)
    expected = 1 / np.count_nonzero(shares) if recipe.metric == "balanced_accuracy" else shares.max()
    return float(expected + 2 * math.sqrt(expected * (1 - expected) / len(data.val)))
