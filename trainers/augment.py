"""Augmentation of a whole batch at once, on whatever device it is."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def random_crop(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Return N C H W images, each shifted by up to ``padding`` pixels, the border filled by reflection.

    Reflection cannot reach further than the image: the shift is at most one pixel less than its sides.
    """
    num, _, height, width = images.shape
    padding = min(padding, height - 1, width - 1)
    if padding == 0:
        return images
    padded = F.pad(images, (padding,) * 4, mode="reflect")
    shifts = torch.randint(0, 2 * padding + 1, (2, num, 1), generator=generator).to(images.device)
    rows = shifts[0] + torch.arange(height, device=images.device)
    columns = shifts[1] + torch.arange(width, device=images.device)
    index = torch.arange(num, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[index, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def random_flip(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return N C H W images, each mirrored left to right with probability one half."""
    mirrored = torch.rand(images.shape[0], 1, 1, 1, generator=generator).to(images.device) < 0.5
    return torch.where(mirrored, images.flip(3), images)
