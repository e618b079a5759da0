"""Augmentation: only the planned windows, mirror images and squares."""

from __future__ import annotations

import itertools

import pytest
import torch

from trainers.data.augment import cut_out, cut_windows, erase, mix_up
from trainers.data.epoch_plan import BatchPlan, plan_epoch
from trainers.recipe import Recipe


def test_windows_are_those_of_the_reflected_image() -> None:
    image = torch.arange(20, dtype=torch.uint8).reshape(1, 4, 5, 1)
    padded = torch.nn.functional.pad(image[None, ..., 0].float(), (2, 2, 2, 2), mode="reflect")[0, 0]
    shifts = torch.tensor(list(itertools.product(range(-2, 3), repeat=2))).T
    rows = torch.zeros(25, dtype=torch.long)
    windows = cut_windows(image, rows, BatchPlan(rows, shifts=shifts))
    for window, (down, right) in zip(windows, shifts.T.tolist(), strict=True):
        expected = padded[2 + down : 6 + down, 2 + right : 7 + right]
        assert torch.equal(window[..., 0].float(), expected)


def test_mirror_images_are_shifted_too() -> None:
    images = torch.randint(0, 255, (3, 4, 5, 2), dtype=torch.uint8)
    rows, flips = torch.tensor([2, 0, 1]), torch.tensor([True, False, True])
    flipped = cut_windows(images, rows, BatchPlan(rows, flips=flips))
    assert torch.equal(flipped[0], images[2].flip(1))
    assert torch.equal(flipped[1], images[0])
    shifts = torch.ones(2, 3, dtype=torch.long)
    both = cut_windows(images, rows, BatchPlan(rows, shifts=shifts, flips=flips))
    # the window is laid first, then mirrored
    window = cut_windows(images, rows, BatchPlan(rows, shifts=shifts))
    assert torch.equal(both[0], window[0].flip(1))
    assert torch.equal(both[1], window[1])


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 2)])
def test_shifts_reach_no_further_than_tiny_images(size: tuple[int, int]) -> None:
    plan = plan_epoch(3, Recipe(crop_padding=4, flip=True), seed=0, epoch=1).whole
    windows = cut_windows(torch.zeros(3, *size, 2, dtype=torch.uint8), plan.rows, plan)
    assert windows.shape == (3, *size, 2)


def test_half_of_the_images_are_mirrored_and_the_others_in_the_next_epoch() -> None:
    plans = [plan_epoch(1000, Recipe(flip=True, batch_size=1000), seed=0, epoch=e).whole for e in (1, 2, 3)]
    by_image = [
        torch.empty(1000, dtype=torch.bool).index_copy_(0, p.rows, p.flips)
        for p in plans
        if p.flips is not None
    ]
    assert 400 < int(by_image[0].sum()) < 600
    assert torch.equal(by_image[1], ~by_image[0])
    assert torch.equal(by_image[2], by_image[0])


def test_a_plan_depends_on_seed_and_epoch_alone() -> None:
    recipe = Recipe(
        flip=True, crop_padding=2, cutout=3, mixup=0.5, trivial_augment=1.0, random_erasing=0.9, batch_size=10
    )
    torch.manual_seed(1)
    first = plan_epoch(50, recipe, seed=7, epoch=3)
    torch.manual_seed(2)
    again = plan_epoch(50, recipe, seed=7, epoch=3)
    other = plan_epoch(50, recipe, seed=7, epoch=4)
    for key in ("rows", "shifts", "holes", "operations", "strengths", "boxes", "mix"):
        assert torch.equal(getattr(first.whole, key), getattr(again.whole, key))
        assert not torch.equal(getattr(first.whole, key), getattr(other.whole, key))


def test_holes_are_squares_around_their_centres_cut_off_at_the_border() -> None:
    images = torch.ones(2, 1, 6, 8)
    centres = torch.tensor([[0.5, 0.0], [0.5, 0.0]])  # rows, then columns, as shares
    holes = cut_out(images, centres, 4) == 0
    expected = torch.zeros(2, 1, 6, 8, dtype=torch.bool)
    expected[0, 0, 1:5, 2:6] = True
    expected[1, 0, 0:2, 0:2] = True
    assert torch.equal(holes, expected)


def test_erased_rectangles_have_the_planned_place_and_size() -> None:
    boxes = torch.tensor([[0.5, 0.25, 0.5, 0.375], [0.0, 0.0, 0.0, 0.0]]).T
    erased = erase(torch.ones(2, 3, 6, 8), boxes) == 0
    expected = torch.zeros(2, 3, 6, 8, dtype=torch.bool)
    expected[0, :, 3:6, 2:5] = True
    assert torch.equal(erased, expected)


def test_random_erasing_blanks_its_fraction_of_the_images_by_rectangles_of_the_papers_areas() -> None:
    boxes = plan_epoch(4000, Recipe(random_erasing=0.25, batch_size=4000), seed=0, epoch=1).whole.boxes
    assert boxes is not None
    top, left, height, width = boxes
    is_erased = height > 0
    assert is_erased.float().mean().item() == pytest.approx(0.25, abs=0.03)
    assert torch.equal(is_erased, width > 0)
    assert (top + height).max() <= 1
    assert (left + width).max() <= 1
    area = (height * width)[is_erased]
    assert area.min() >= 0.0199
    assert area.max() <= 0.334


def test_mixed_images_and_targets_keep_the_same_share() -> None:
    images, targets = torch.eye(4).reshape(4, 1, 2, 2), torch.eye(4)
    mixed, shares = mix_up(images, targets, torch.full((4,), 0.75))
    assert torch.equal(mixed.flatten(1), shares)
    assert shares[0].tolist() == [0.75, 0.0, 0.0, 0.25]
