"""Trainings that cannot come to anything are ended, with a reason."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from space.core.errors import MgnasError
from space.core.reports import EpochReport
from trainers.data.splits import SearchData
from trainers.recipe import Recipe

STUCK_EPOCHS = 5
"""Epochs in a row without any progress after which a training is given up, and a third of all at least."""
STUCK_SHARE = 0.999
"""Of the loss of who knows nothing but how often each class is; what stays above it has not learnt."""


class TrainingFailedError(MgnasError):
    """The training ended without a usable network; the text is the reason, ``advice`` what may help."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


def check_health(reports: Sequence[EpochReport], recipe: Recipe, data: SearchData) -> None:
    """Raise TrainingFailedError if a loss is not finite, or the network has learnt nothing for long."""
    last = reports[-1]
    for kind, loss in (("training", last.train_loss), ("validation", last.val_loss)):
        if not math.isfinite(loss):
            raise TrainingFailedError(
                f"diverged: the {kind} loss is {loss} in epoch {last.epoch}",
                f"try a lower rate (train.lr, which is {recipe.lr:g}"
                + (
                    f", and train.muon_lr, which is {recipe.muon_lr:g})"
                    if recipe.optimizer == "muon"
                    else ")"
                ),
            )
    num_epochs = max(STUCK_EPOCHS, recipe.epochs // 3)
    if len(reports) == num_epochs:
        floor, guesses = STUCK_SHARE * ignorant_loss(recipe, data), _constant_guesses(recipe, data)
        if all(r.train_loss > floor and any(np.isclose(r.val_accuracy, guesses)) for r in reports):
            raise TrainingFailedError(
                f"stuck: after {num_epochs} epochs the training loss is {last.train_loss:.4f}, "
                f"no better than guessing ({floor:.4f}), and all images look the same to the network",
                f"try another rate (train.lr, which is {recipe.lr:g}) or another network",
            )


def explained(error: ValueError, images_at_once: int) -> Exception:
    """Return a batch norm's complaint about a single value as the end of a training; others as they are."""
    if "more than 1 value per channel" not in str(error):
        return error
    together = (
        "a batch of 1 image leaves" if images_at_once == 1 else "the last image of a batch alone leaves"
    )
    return TrainingFailedError(
        f"too few values: the last grid has one pixel, on which {together} batch norms a single value to "
        "normalise",
        "choose larger batches (train.batch_size, execution.micro_batch), fewer levels, or larger images",
    )


def ignorant_loss(recipe: Recipe, data: SearchData) -> float:
    """Return the least training loss, in nats, of who gives every image the same odds.

    Without smoothing and balance it is the entropy of the train split's labels. Mixed labels have the same.
    """
    counts = np.bincount(data.train.labels, minlength=data.num_classes)
    shares = counts / counts.sum()
    weights = np.ones_like(shares)
    if recipe.balance:  # as the classes are weighted in the loss
        weights = np.divide(1 / np.count_nonzero(counts), shares, out=np.zeros_like(shares), where=shares > 0)
    smooth = recipe.label_smoothing
    wanted = weights * ((1 - smooth) * shares + smooth / len(shares))
    wanted = wanted[wanted > 0]
    return float(-(wanted * np.log(wanted / wanted.sum())).sum())


def _constant_guesses(recipe: Recipe, data: SearchData) -> NDArray[np.float64]:
    """Return the accuracies of a network that gives every image the same class, for each class.

    Networks that tell images apart, if wrongly, are left alone: they may be about to learn.
    """
    shares = np.bincount(data.val.labels) / len(data.val)
    if recipe.metric == "balanced_accuracy":
        return np.array([1 / np.count_nonzero(shares), 0.0])
    return shares
