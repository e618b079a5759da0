"""TrivialAugment: one random operation of random strength for each image, applied to whole groups of images.

Source: Müller and Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", in its wide
form. The operations are those of ``torchvision.transforms.TrivialAugmentWide`` with nearest neighbours and black
borders.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Operation = Callable[[Tensor, Tensor], Tensor]
"""Returns uint8 images N H W C changed by strengths float64 N, from -1 to 1."""

NUM_STRENGTHS = 31
"""Strengths from 0 to 1 that are drawn with equal probability."""
MOST_BLENDED = 0.99
MOST_SHEARED = 0.99
MOST_SHIFTED = 32
"""Pixels; at most the side of the image."""
MOST_ROTATED = torch.pi * 135 / 180
LUMA = (0.2989, 0.587, 0.114)


def trivial_augment(images: Tensor, operations: Tensor, strengths: Tensor) -> Tensor:
    """Return the images, each changed by one operation.

    Args:
        images: uint8 N H W C.
        operations: Index of an operation in ``OPERATIONS`` for each image, int64 N, on the CPU: the device need
            not wait for the sizes of the groups.
        strengths: float64 N, from -1 to 1; operations without direction use the absolute value.

    Returns:
        uint8 N H W C.
    """
    order = operations.argsort(stable=True)
    sizes = torch.bincount(operations, minlength=len(OPERATIONS)).tolist()
    order = order.to(images.device, non_blocking=True)
    changed = torch.empty_like(images)
    for operation, rows in zip(OPERATIONS, order.split(sizes), strict=True):
        if len(rows):
            changed[rows] = operation(images[rows], strengths[rows])
    return changed


# -- operations: uint8 N H W C, float64 N ----------------------------------------------------------------


def identity(images: Tensor, _strengths: Tensor) -> Tensor:
    """Return the images."""
    return images


def shear_x(images: Tensor, strengths: Tensor) -> Tensor:
    """Shear along the width, around the upper left corner, by at most 0.99."""
    down, right = _places(images)
    return _sampled(images, down, right + _each(MOST_SHEARED * strengths, 3) * (down + 0.5))


def shear_y(images: Tensor, strengths: Tensor) -> Tensor:
    """Shear along the height, around the upper left corner, by at most 0.99."""
    down, right = _places(images)
    return _sampled(images, down + _each(MOST_SHEARED * strengths, 3) * (right + 0.5), right)


def translate_x(images: Tensor, strengths: Tensor) -> Tensor:
    """Shift along the width by whole pixels, at most 32 and at most the side."""
    down, right = _places(images)
    return _sampled(images, down, right - _each(_pixels(strengths, images.shape[2]), 3))


def translate_y(images: Tensor, strengths: Tensor) -> Tensor:
    """Shift along the height by whole pixels, at most 32 and at most the side."""
    down, right = _places(images)
    return _sampled(images, down - _each(_pixels(strengths, images.shape[1]), 3), right)


def rotate(images: Tensor, strengths: Tensor) -> Tensor:
    """Rotate around the centre by at most 135 degrees."""
    down, right = _places(images)
    middle_y, middle_x = (images.shape[1] - 1) / 2, (images.shape[2] - 1) / 2
    angle = _each(MOST_ROTATED * strengths, 3)
    y, x = down - middle_y, right - middle_x
    return _sampled(
        images, angle.sin() * x + angle.cos() * y + middle_y, angle.cos() * x - angle.sin() * y + middle_x
    )


def brightness(images: Tensor, strengths: Tensor) -> Tensor:
    """Scale all values by 1 + 0.99 s."""
    return _blended(images, torch.zeros_like(images), strengths)


def colour(images: Tensor, strengths: Tensor) -> Tensor:
    """Move the colours away from their grey value, or towards it; grey images do not change."""
    return images if images.shape[3] == 1 else _blended(images, _grey(images), strengths)


def contrast(images: Tensor, strengths: Tensor) -> Tensor:
    """Move all values away from the mean grey value of their image, or towards it."""
    return _blended(images, _grey(images).float().mean(dim=(1, 2, 3), keepdim=True), strengths)


def sharpness(images: Tensor, strengths: Tensor) -> Tensor:
    """Move all inner pixels away from the mean of their neighbourhood, or towards it."""
    if min(images.shape[1:3]) <= 2:
        return images
    kernel = torch.ones(3, 3, device=images.device)
    kernel[1, 1] = 5.0
    planes = images.permute(0, 3, 1, 2).flatten(0, 1)[:, None].float()
    blurred = F.conv2d(planes, (kernel / kernel.sum())[None, None])[:, 0].round_().clamp_(0, 255)
    smooth = images.clone()
    inner = blurred.unflatten(0, (len(images), -1)).permute(0, 2, 3, 1)
    smooth[:, 1:-1, 1:-1] = inner.to(torch.uint8)
    return _blended(images, smooth, strengths)


def posterize(images: Tensor, strengths: Tensor) -> Tensor:
    """Keep 8 to 2 bits of each value."""
    dropped = (6 * strengths.abs()).round().long()
    mask = (256 - 2**dropped).to(torch.uint8)
    return images & _each(mask, 4)


def solarize(images: Tensor, strengths: Tensor) -> Tensor:
    """Invert all values of at least 255 (1 - s)."""
    threshold = (255 * (1 - strengths.abs())).float()
    return torch.where(images >= _each(threshold, 4), 255 - images, images)


def auto_contrast(images: Tensor, _strengths: Tensor) -> Tensor:
    """Stretch each channel of an image to the range 0..255."""
    low = images.amin(dim=(1, 2), keepdim=True).float()
    high = images.amax(dim=(1, 2), keepdim=True).float()
    is_flat = low == high
    scale = torch.where(is_flat, 1.0, 255 / (high - low))
    return ((images - low.masked_fill(is_flat, 0.0)) * scale).clamp_(0, 255).to(torch.uint8)


def equalize(images: Tensor, _strengths: Tensor) -> Tensor:
    """Make all values of each channel of an image about equally frequent."""
    num, height, width, channels = images.shape
    planes = images.permute(0, 3, 1, 2).reshape(num * channels, height * width).long()
    ones = torch.ones((), dtype=torch.long, device=images.device).expand_as(planes)
    counts = torch.zeros(len(planes), 256, dtype=torch.long, device=images.device)
    counts.scatter_add_(1, planes, ones)
    of_brightest = counts.gather(1, planes.amax(dim=1, keepdim=True))
    step = (height * width - of_brightest) // 255
    table = ((counts.cumsum(1) - counts + step // 2) // step.clamp(min=1)).clamp_(0, 255)
    equal = torch.where(step == 0, planes, table.gather(1, planes))
    return equal.to(torch.uint8).reshape(num, channels, height, width).permute(0, 2, 3, 1)


OPERATIONS: tuple[Operation, ...] = (
    identity,
    shear_x,
    shear_y,
    translate_x,
    translate_y,
    rotate,
    brightness,
    colour,
    contrast,
    sharpness,
    posterize,
    solarize,
    auto_contrast,
    equalize,
)


def _each(values: Tensor, dims: int) -> Tensor:
    """Return values N with ``dims`` dimensions, to be combined with all pixels of each image."""
    return values.reshape(-1, *[1] * (dims - 1))


def _pixels(strengths: Tensor, side: int) -> Tensor:
    return (min(MOST_SHIFTED, side) * strengths).trunc()


def _places(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows 1 H 1 and columns 1 1 W of the pixels, float64."""
    rows, columns = (
        torch.arange(size, device=images.device, dtype=torch.float64) for size in images.shape[1:3]
    )
    return rows[None, :, None], columns[None, None, :]


def _sampled(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Return the pixels nearest to the places ``down`` and ``right``, N H W; black outside of the image."""
    num, height, width, channels = images.shape
    down, right = torch.broadcast_tensors(down.round().long(), right.round().long())
    is_outside = (down < 0) | (down >= height) | (right < 0) | (right >= width)
    places = down.clamp(0, height - 1) * width + right.clamp(0, width - 1)
    rows = torch.arange(num, device=images.device)[:, None, None] * (height * width)
    pixels = images.reshape(num * height * width, channels)[(rows + places).flatten()]
    return pixels.reshape(images.shape).masked_fill(is_outside[..., None], 0)


def _blended(images: Tensor, others: Tensor, strengths: Tensor) -> Tensor:
    """Return (1 + 0.99 s) x - 0.99 s y for images x and others y, cut to 0..255."""
    change = MOST_BLENDED * strengths
    own, other = _each((1 + change).float(), 4), _each((1 - (1 + change)).float(), 4)
    return (own * images + other * others).clamp_(0, 255).to(torch.uint8)


def _grey(images: Tensor) -> Tensor:
    """Return the luma of RGB images, and the mean of the channels of others, uint8 N H W 1."""
    if images.shape[3] != len(LUMA):
        return images.float().mean(dim=3, keepdim=True).to(torch.uint8)
    red, green, blue = images.unbind(dim=3)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).to(torch.uint8)[..., None]
