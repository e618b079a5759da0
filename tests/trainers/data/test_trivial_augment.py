"""TrivialAugment: the operations are those of torchvision, on any images."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as tv

from trainers.data import trivial_augment as ops
from trainers.data.epoch_plan import plan_epoch
from trainers.recipe import Recipe

STRENGTHS = (-1.0, -0.5, -0.1, 0.0, 0.3, 0.7, 1.0)
OF_TORCHVISION: dict[str, Callable[[Tensor, float], Tensor]] = {
    "identity": lambda x, _s: x,
    "brightness": lambda x, s: tv.adjust_brightness(x, 1 + 0.99 * s),
    "colour": lambda x, s: tv.adjust_saturation(x, 1 + 0.99 * s),
    "contrast": lambda x, s: tv.adjust_contrast(x, 1 + 0.99 * s),
    "sharpness": lambda x, s: tv.adjust_sharpness(x, 1 + 0.99 * s),
    "posterize": lambda x, s: tv.posterize(x, 8 - round(6 * abs(s))),
    "solarize": lambda x, s: tv.solarize(x, 255 * (1 - abs(s))),
    "auto_contrast": lambda x, _s: tv.autocontrast(x),
    "equalize": lambda x, _s: tv.equalize(x),
    "translate_x": lambda x, s: tv.affine(x, 0.0, [int(min(32, x.shape[2]) * s), 0], 1.0, [0.0, 0.0]),
    "translate_y": lambda x, s: tv.affine(x, 0.0, [0, int(min(32, x.shape[1]) * s)], 1.0, [0.0, 0.0]),
    "shear_x": lambda x, s: tv.affine(x, 0.0, [0, 0], 1.0, [_degrees(s), 0.0], center=[0, 0]),
    "shear_y": lambda x, s: tv.affine(x, 0.0, [0, 0], 1.0, [0.0, _degrees(s)], center=[0, 0]),
    "rotate": lambda x, s: tv.rotate(x, 135 * s),
}
ROUNDED = {"shear_x", "shear_y", "rotate"}
"""Operations that round places between two pixels: torchvision's float32 may choose the other one."""


def _degrees(strength: float) -> float:
    return math.degrees(math.atan(0.99 * strength))


def pictures(channels: int, height: int = 17, width: int = 20) -> Tensor:
    """Smooth images of several ranges, uint8 N H W C."""
    noise = torch.rand(len(STRENGTHS), 6, 7, channels, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.interpolate(noise.permute(0, 3, 1, 2), size=(height, width), mode="bilinear")
    scale = torch.linspace(60, 255, len(STRENGTHS))[:, None, None, None]
    return (smooth * scale).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", OF_TORCHVISION)
def test_operation_equals_that_of_torchvision(name: str, channels: int) -> None:
    images = pictures(channels)
    found = getattr(ops, name)(images, torch.tensor(STRENGTHS, dtype=torch.float64))
    assert found.dtype == torch.uint8
    for image, changed, strength in zip(images, found, STRENGTHS, strict=True):
        expected = OF_TORCHVISION[name](image.permute(2, 0, 1), strength).permute(1, 2, 0)
        if name in ROUNDED:
            assert (changed != expected).any(dim=2).float().mean() < 0.02, strength
        else:
            assert torch.equal(changed, expected), strength


def test_operations_are_those_of_the_table_above() -> None:
    assert {operation.__name__ for operation in ops.OPERATIONS} == set(OF_TORCHVISION)


@pytest.mark.parametrize("degrees", [90.0, -90.0])
def test_rotation_by_a_right_angle_moves_each_pixel(degrees: float) -> None:
    images = pictures(3, 8, 8)
    turned = ops.rotate(images, torch.full((len(images),), degrees / 135, dtype=torch.float64))
    assert torch.equal(turned, torch.rot90(images, 1 if degrees > 0 else -1, dims=(1, 2)))


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (8, 8)])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_images_of_any_size_and_number_of_channels_keep_their_shape(
    size: tuple[int, int], channels: int
) -> None:
    num = len(ops.OPERATIONS)
    images = torch.randint(0, 256, (num, *size, channels), dtype=torch.uint8)
    changed = ops.trivial_augment(images, torch.arange(num), torch.ones(num, dtype=torch.float64))
    assert changed.shape == images.shape
    assert changed.dtype == torch.uint8


def test_each_image_is_changed_by_its_own_operation() -> None:
    images = pictures(3)
    operations = torch.tensor([7, 0, 12, 7, 5, 0, 13])
    strengths = torch.tensor(STRENGTHS, dtype=torch.float64)
    before = images.clone()
    changed = ops.trivial_augment(images, operations, strengths)
    assert torch.equal(images, before)
    for row, operation in enumerate(operations.tolist()):
        alone = ops.OPERATIONS[operation](images[row : row + 1], strengths[row : row + 1])
        assert torch.equal(changed[row], alone[0])


def test_a_plan_draws_all_operations_and_strengths_up_to_the_largest() -> None:
    plan = plan_epoch(2000, Recipe(trivial_augment=0.5, batch_size=100), seed=0, epoch=1).whole
    assert plan.operations is not None
    assert plan.strengths is not None
    assert set(plan.operations.tolist()) == set(range(len(ops.OPERATIONS)))
    assert plan.strengths.abs().max().item() == 0.5
    assert (plan.strengths < 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
