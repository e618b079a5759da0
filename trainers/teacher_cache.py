"""The teacher's logits of all training images, computed once: for recipes under which images repeat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from trainers.data.device_data import Batch, DeviceData, TaughtBatch
from trainers.data.epoch_plan import BatchPlan, EpochPlan
from trainers.recipe import Recipe

MOST_CACHED_BYTES = 2**27
"""Largest cache on the device: 160,000 images of 100 classes with their mirror images. Each worker has its own."""


def num_views(recipe: Recipe) -> int | None:
    """Return how many different images the recipe makes of one; None for too many to cache."""
    is_random = recipe.cutout or recipe.trivial_augment or recipe.random_erasing or recipe.mixup
    if recipe.crop_padding or is_random:
        return None
    return 2 if recipe.flip else 1


def is_cached(recipe: Recipe, data: DeviceData) -> bool:
    """Return whether a cache saves passes through the teacher and is small enough.

    The answer depends on recipe and images alone, so that a resumed training has the same.
    """
    views = num_views(recipe)
    if recipe.teacher is None or views is None or views >= recipe.epochs:
        return False
    float32_bytes = 4
    size = views * len(data.train_labels) * data.search_data.num_classes * float32_bytes
    return size <= MOST_CACHED_BYTES


class TeacherCache:
    """Logits of the teacher for the training images, and for their mirror images if the recipe mirrors.

    They are computed in batches of the training's size, like those of a step, and in a fixed order. So every training
    of the recipe, a resumed one too, finds the same bits.

    Args:
        data: The images of the training.
        recipe: A recipe for which ``is_cached`` holds.
        logits: Returns the teacher's logits N K for normalised images N C H W.
    """

    def __init__(self, data: DeviceData, recipe: Recipe, logits: Callable[[Tensor], Tensor]) -> None:
        self._device = data.device
        views = [torch.cat(_view(data, recipe, logits, flipped)) for flipped in range(num_views(recipe) or 0)]
        self._logits = torch.stack(views)[:, : len(data.train_labels)]

    def taught(self, batches: Iterator[Batch], plan: EpochPlan) -> Iterator[TaughtBatch]:
        """Yield the batches of a plan with the logits of the teacher."""
        for batch, of_batch in zip(batches, plan.batches(self._device), strict=True):
            view = 0 if of_batch.flips is None else of_batch.flips.long()
            yield TaughtBatch(*batch, self._logits[view, of_batch.rows])


def _view(data: DeviceData, recipe: Recipe, logits: Callable[[Tensor], Tensor], flipped: int) -> list[Tensor]:
    """Return the logits of all images in order, in whole batches; the last batch is filled with the first images."""
    count = len(data.train_labels)
    size = min(recipe.batch_size, count)
    rows = torch.arange(-(-count // size) * size) % count
    flips = torch.ones(len(rows), dtype=torch.bool) if flipped else None
    plan = EpochPlan(BatchPlan(rows, flips=flips), size)
    return [logits(batch.images) for batch in data.train_batches(plan, recipe)]
