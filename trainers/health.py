"""Health checks: they stop a training that cannot succeed, with a reason."""

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
"""Epochs without progress after which a training fails; a third of all epochs if that is more."""
STUCK_SHARE = 0.999
"""Fraction of ``ignorant_loss``; a training loss above it shows no progress."""


class TrainingFailedError(MgnasError):
    """The training ended without a usable network. The text is the reason; ``advice`` says what may help."""

    def __init__(self, reason: str, advice: str = "") -> None:
        super().__init__(reason)
        self.advice = advice


def check_health(reports: Sequence[EpochReport], recipe: Recipe, data: SearchData) -> None:
    """Check the reports so far.

    Raises:
        TrainingFailedError: A loss is not finite, or the network has not learned for ``STUCK_EPOCHS``.
    """
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
    """Return the batch norm's error about a single value as a ``TrainingFailedError``; other errors unchanged."""
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
    """Return the least training loss, in nats, of equal predictions for all images.

    Without label smoothing and balance it is the entropy H = -sum_k p_k log p_k of the training labels. Mixup
    does not change it.
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
    """Return the accuracy of a network that predicts one class for all images, for each class.

    A network that distinguishes images, even wrongly, may still learn and is not stopped.
    """
    shares = np.bincount(data.val.labels) / len(data.val)
    if recipe.metric == "balanced_accuracy":
        return np.array([1 / np.count_nonzero(shares), 0.0])
    return shares
