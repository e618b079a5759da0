"""Augmentation of whole batches on any device. Random numbers are arguments."""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.data.epoch_plan import BatchPlan


def cut_windows(images: Tensor, rows: Tensor, plan: BatchPlan) -> Tensor:
    """Return the images of ``rows``, shifted and mirrored as planned, by one gather of pixels.

    Args:
        images: N H W C, of any data type.
        rows: Rows of M images, int64 M.
        plan: Shifts and flips of the M images. Pixels beyond the border are reflected; a shift is at most one
            pixel less than the side.

    Returns:
        A tensor M H W C.
    """
    if plan.shifts is None and plan.flips is None:
        return images[rows]
    height, width = images.shape[1], images.shape[2]
    down = torch.arange(height, device=images.device).expand(len(rows), height)
    right = torch.arange(width, device=images.device).expand(len(rows), width)
    if plan.flips is not None:
        right = torch.where(plan.flips[:, None], width - 1 - right, right)
    if plan.shifts is not None:
        down = _reflected(down + _limited(plan.shifts[0], height)[:, None], height)
        right = _reflected(right + _limited(plan.shifts[1], width)[:, None], width)
    return images[rows[:, None, None], down[:, :, None], right[:, None, :]]


def _limited(shifts: Tensor, size: int) -> Tensor:
    return shifts.clamp(1 - size, size - 1)


def _reflected(places: Tensor, size: int) -> Tensor:
    return (size - 1) - ((size - 1) - places.abs()).abs()


def cut_out(images: Tensor, holes: Tensor, side: int) -> Tensor:
    """Return images N C H W with one square of ``side`` pixels set to 0, clipped at the border.

    Source: DeVries and Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout".
    """
    inside = [
        _within(centre, size, side, images.device)
        for centre, size in zip(holes, images.shape[2:], strict=True)
    ]
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(hole, 0.0)


def _within(centre: Tensor, size: int, side: int, device: torch.device) -> Tensor:
    first = (centre * size).long()[:, None] - side // 2
    place = torch.arange(size, device=device)
    return (place >= first) & (place < first + side)


def erase(images: Tensor, boxes: Tensor) -> Tensor:
    """Return images N C H W with one rectangle of each set to 0, the mean of the normalised pixels.

    Source: Zhong et al. 2017, "Random Erasing Data Augmentation".

    Args:
        images: Normalised images, float32 N C H W.
        boxes: First row, first column, height and width as fractions of the image, float32 4 N. A box of height 0
            erases nothing.
    """
    top, left, height, width = boxes
    inside = [
        _between(first, first + length, size)
        for first, length, size in zip((top, left), (height, width), images.shape[2:], strict=True)
    ]
    return images.masked_fill(inside[0][:, None, :, None] & inside[1][:, None, None, :], 0.0)


def _between(first: Tensor, end: Tensor, size: int) -> Tensor:
    place = torch.arange(size, device=first.device)
    return (place >= (first * size).round()[:, None]) & (place < (end * size).round()[:, None])


def mix_up(images: Tensor, targets: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Return images N C H W and targets N K, each mixed with its neighbour in the batch.

    x_i <- s_i x_i + (1 - s_i) x_{i-1}, for images and targets (Zhang et al. 2018, "mixup: Beyond Empirical
    Risk Minimization"). The order of a batch is random, so a neighbour is a random partner.
    """
    of_image, of_target = share[:, None, None, None], share[:, None]
    mixed = images * of_image + images.roll(1, 0) * (1 - of_image)
    return mixed, targets * of_target + targets.roll(1, 0) * (1 - of_target)
