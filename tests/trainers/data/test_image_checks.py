"""The check of all images before a training: damaged files and copies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.core.errors import InvalidInputError
from trainers.data.config import DataConfig
from trainers.data.image_checks import check_images
from trainers.data.load_splits import load_search_data

STREAMED = 0.0
RESIDENT = 1.0


def make(root: Path, *folders: str, count: int = 6) -> None:
    rng = np.random.default_rng(0)
    for name in folders:
        (root / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index}.bmp")  # all files have one size


def check(root: Path, memory_gib: float, record: Path) -> tuple[list[str], list[str]]:
    """Return the notes and what was told."""
    config = DataConfig(source=f"imagefolder:{root}", memory_gib=memory_gib, test_fraction=0.0)
    told: list[str] = []
    return check_images(load_search_data(config), record, told.append), told


@pytest.mark.parametrize("memory_gib", [STREAMED, RESIDENT])
def test_copies_in_both_splits_are_counted(tmp_path: Path, memory_gib: float) -> None:
    root = tmp_path / "images"
    make(root, "train/a", "train/b", "val/a", "val/b")
    assert check(root, memory_gib, tmp_path / "record")[0] == []
    (root / "val/a/link.bmp").symlink_to(root / "train/a/0.bmp")
    os.link(root / "train/a/1.bmp", root / "val/a/hard.bmp")
    (root / "val/b/copy.bmp").write_bytes((root / "train/b/2.bmp").read_bytes())
    (note,) = check(root, memory_gib, tmp_path / "record")[0]
    assert "3 of 15: the validation accuracy is too high" in note


@pytest.mark.parametrize("memory_gib", [STREAMED, RESIDENT])
def test_copies_that_a_split_of_one_folder_parts_are_counted(tmp_path: Path, memory_gib: float) -> None:
    root = tmp_path / "images"
    make(root, "a", "b")
    for index in range(6):
        (root / "a" / f"copy{index}.bmp").write_bytes((root / "a" / f"{index}.bmp").read_bytes())
    config = DataConfig(source=f"imagefolder:{root}", test_fraction=0.0)
    data = load_search_data(config)
    train = {image.tobytes() for image in data.train.images[:]}
    expected = sum(image.tobytes() in train for image in data.val.images[:])
    assert expected
    (note,) = check(root, memory_gib, tmp_path / "record")[0]
    assert f"validation images, {expected} of {len(data.val)}: " in note


@pytest.mark.parametrize("memory_gib", [STREAMED, RESIDENT])
def test_images_in_two_classes_are_counted(tmp_path: Path, memory_gib: float) -> None:
    root = tmp_path / "images"
    make(root, "train/a", "train/b", "val/a", "val/b")
    (root / "train/b/copy.bmp").write_bytes((root / "train/a/2.bmp").read_bytes())
    (note,) = check(root, memory_gib, tmp_path / "record")[0]
    assert note.startswith("1 image is in more than one class, such as 'a' and 'b'")


def test_arrays_are_compared_too(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (8, 3, 3, 3)).astype(np.uint8)
    labels = np.arange(8) % 2
    np.savez(tmp_path / "x.npz", x_train=images, y_train=labels, x_val=images[6:], y_val=labels[6:])
    data = load_search_data(DataConfig(source=f"npz:{tmp_path / 'x.npz'}", test_fraction=0.0))
    (note,) = check_images(data, tmp_path / "record", print)
    assert "validation images, 2 of 2: " in note


def test_all_damaged_images_are_found_before_a_training(tmp_path: Path) -> None:
    root = tmp_path / "images"
    make(root, "train/a", "train/b", "val/a", "val/b")
    for name in ("train/a/3.bmp", "val/b/5.bmp"):
        (root / name).write_bytes((root / name).read_bytes()[:90])
    with pytest.raises(
        InvalidInputError, match=r"^2 of 24 images cannot be used; .*/3\.bmp is dam.*/5\.bmp is d"
    ):
        check(root, STREAMED, tmp_path / "record")
    assert not (tmp_path / "record").exists()


def test_a_check_is_remembered_until_a_file_changes(tmp_path: Path) -> None:
    root = tmp_path / "images"
    make(root, "train/a", "train/b", "val/a", "val/b")
    (root / "val/a/copy.bmp").write_bytes((root / "train/a/0.bmp").read_bytes())
    first, told = check(root, STREAMED, tmp_path / "record")
    assert told == ["checking 25 images once, before the first training"]
    assert check(root, STREAMED, tmp_path / "record") == (first, [])
    whole = (root / "train/a/3.bmp").read_bytes()
    (root / "train/a/3.bmp").write_bytes(whole[:90])
    with pytest.raises(InvalidInputError, match=r"^.*3\.bmp is damaged: .*; mend it, or move it away$"):
        check(root, STREAMED, tmp_path / "record")
    (root / "train/a/3.bmp").write_bytes(whole)
    (tmp_path / "record").write_text("torn {", encoding="utf-8")
    assert check(root, STREAMED, tmp_path / "record") == (first, told)
