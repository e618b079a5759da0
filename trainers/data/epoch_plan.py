"""The plan of an epoch: all its random numbers, i.e. the order and the augmentation of the images."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from trainers.data.trivial_augment import NUM_STRENGTHS, OPERATIONS
from trainers.randomness import derived_seed, generator_for
from trainers.recipe import Recipe

ERASED_AREA = (0.02, 1 / 3)
"""Least and largest fraction of the image that random erasing blanks."""
ERASED_RATIO = 10 / 3
"""Largest ratio of the sides of such a rectangle, as fractions of the image's sides."""


@dataclass(frozen=True)
class BatchPlan:
    """The augmentation of the N images of a batch; None for what the recipe does not use.

    Attributes:
        rows: Rows in the train split, int64 N.
        shifts: Pixels down and to the right, int64 2 N, from -padding to padding.
        flips: Whether an image is mirrored, bool N.
        holes: Centres of the cut-out squares as fractions of height and width, float32 2 N.
        operations: Operations of TrivialAugment, int64 N, always on the CPU.
        strengths: Their strengths, float64 N, from -1 to 1.
        boxes: Erased rectangles: first row and column, height and width as fractions, float32 4 N.
        mix: Weight of the image itself in mixup, float32 N, from 0 to 1.
    """

    rows: Tensor
    shifts: Tensor | None = None
    flips: Tensor | None = None
    holes: Tensor | None = None
    operations: Tensor | None = None
    strengths: Tensor | None = None
    boxes: Tensor | None = None
    mix: Tensor | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> BatchPlan:
        """Return the plan with ``change`` applied to every tensor."""
        present = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        return BatchPlan(**{name: change(tensor) for name, tensor in present.items()})

    def part(self, first: int, size: int) -> BatchPlan:
        """Return the plan of ``size`` images from index ``first`` on."""
        return self.each(lambda tensor: tensor[..., first : first + size])


@dataclass(frozen=True)
class EpochPlan:
    """The batches of one epoch, stored as one ``BatchPlan`` of all images in order."""

    whole: BatchPlan
    batch_size: int

    def batches(self, device: torch.device, at_once: int = 1) -> Iterator[BatchPlan]:
        """Yield the plan of every ``at_once`` batches on ``device``; all are copied at once."""
        moved = self.whole.each(lambda tensor: tensor.to(device, non_blocking=True))
        moved = replace(moved, operations=self.whole.operations)
        for start in range(0, len(self.whole.rows), at_once * self.batch_size):
            yield moved.part(start, at_once * self.batch_size)


def batches_in(num_images: int, batch_size: int) -> int:
    """Return the number of batches of an epoch. An incomplete last batch is dropped; a small set is one batch."""
    return num_images // min(batch_size, num_images)


def plan_epoch(num_images: int, recipe: Recipe, seed: int, epoch: int) -> EpochPlan:
    """Return the plan of an epoch, numbered from 1. It depends on the arguments only.

    Mirroring alternates, so two consecutive epochs show each image both ways (Jordan 2024, "94% on CIFAR-10
    in 3.29 Seconds on a Single GPU", section 3.6).
    """
    generator = generator_for(seed, "epoch", epoch)
    size = min(recipe.batch_size, num_images)
    count = batches_in(num_images, size) * size
    rows = torch.randperm(num_images, generator=generator)[:count]
    shifts = flips = holes = operations = strengths = boxes = mix = None
    if recipe.crop_padding:
        reach = recipe.crop_padding
        shifts = torch.randint(-reach, reach + 1, (2, count), generator=generator)
    if recipe.flip:
        mirrored_first = torch.rand(num_images, generator=generator_for(seed, "flips")) < 0.5
        flips = mirrored_first[rows] ^ (epoch % 2 == 0)
    if recipe.cutout:
        holes = torch.rand(2, count, generator=generator)
    if recipe.trivial_augment:
        operations, strengths = _operations(count, recipe.trivial_augment, seed, epoch)
    if recipe.random_erasing:
        boxes = _boxes(count, recipe.random_erasing, seed, epoch)
    if recipe.mixup:
        mix = _mixing_shares(count // size, recipe.mixup, seed, epoch).repeat_interleave(size)
    return EpochPlan(BatchPlan(rows, shifts, flips, holes, operations, strengths, boxes, mix), size)


def _operations(count: int, most: float, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
    """Return operations of TrivialAugment and their strengths of at most ``most``, in both directions."""
    generator = generator_for(seed, "trivial_augment", epoch)
    operations = torch.randint(len(OPERATIONS), (count,), generator=generator)
    levels = torch.randint(NUM_STRENGTHS, (count,), generator=generator)
    signs = 1 - 2 * torch.randint(2, (count,), generator=generator)
    return operations, signs * levels.double() * most / (NUM_STRENGTHS - 1)


def _boxes(count: int, probability: float, seed: int, epoch: int) -> Tensor:
    """Return rectangles inside the image: area and aspect ratio are random; height 0 for those not erased."""
    draws = torch.rand(5, count, generator=generator_for(seed, "random_erasing", epoch))
    area = ERASED_AREA[0] + (ERASED_AREA[1] - ERASED_AREA[0]) * draws[0]
    log_ratio = math.log(ERASED_RATIO) * (2 * draws[1] - 1)
    sides = torch.stack([(area * log_ratio.exp()).sqrt(), (area / log_ratio.exp()).sqrt()]).clamp(max=1)
    sides = sides * (draws[4] < probability)
    return torch.cat([draws[2:4] * (1 - sides), sides])


def _mixing_shares(count: int, alpha: float, seed: int, epoch: int) -> Tensor:
    """Return draws from Beta(alpha, alpha), one per batch (Zhang et al. 2018, mixup)."""
    draws = np.random.default_rng(derived_seed(seed, "mixup", epoch)).beta(alpha, alpha, count)
    return torch.from_numpy(draws.astype(np.float32))
