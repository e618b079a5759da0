"""User arrays: unambiguous ones are converted, with a note; others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from space.core.errors import InvalidInputError
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data
from trainers.data.splits import SearchData

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 12, 12, 3), dtype=np.uint8)
X[0, 0, 0, :2] = (0, 255)
Y = np.arange(60) % 3


def load(folder: Path, **arrays: NDArray[Any]) -> SearchData:
    np.savez(folder / "d.npz", **({"x_train": X, "y_train": Y} | arrays))  # type: ignore[arg-type]
    return load_search_data(DataConfig(source=f"npz:{folder / 'd.npz'}"))


@pytest.mark.parametrize(
    ("labels", "note"),
    [
        (Y.astype(float), "y_train: float64 labels are read as whole numbers"),
        (np.eye(3)[Y], "y_train: one-hot rows are read as labels from 0 to 2"),
        (np.eye(3, dtype=int)[Y], "y_train: one-hot rows"),
        (np.eye(3, dtype=bool)[Y], "y_train: one-hot rows"),
        (Y + 1, "y_train: labels from 1 to 3 are read as 0 to 2"),
        (Y.astype(np.float32) + 1, "y_train: labels from 1 to 3 are read as 0 to 2"),
    ],
)
def test_labels_of_one_meaning_are_converted(labels: NDArray[Any], note: str, tmp_path: Path) -> None:
    plain, data = load(tmp_path), load(tmp_path, y_train=labels)
    assert data.fingerprint() == plain.fingerprint()
    assert any(remark.startswith(note) for remark in data.remarks())
    assert not plain.remarks()


def test_names_of_converted_labels_are_those_of_the_file(tmp_path: Path) -> None:
    assert load(tmp_path, y_train=Y + 1).classes == ("1", "2", "3")
    assert load(tmp_path, y_train=Y + 1, classes=np.array(["a", "b", "c"])).classes == ("a", "b", "c")
    shifted = load(tmp_path, y_train=Y + 1, classes=np.array(["none", "a", "b", "c"]))
    assert sorted(set(shifted.train.labels)) == [1, 2, 3]
    assert load(tmp_path, y_train=Y > 0).classes == ("0", "1")


def test_labels_of_all_parts_are_counted_alike(tmp_path: Path) -> None:
    data = load(tmp_path, y_train=Y + 1, x_val=X[:6], y_val=np.array([1, 1, 1, 2, 2, 2]))
    assert data.val.labels.tolist() == [0, 0, 0, 1, 1, 1]
    with pytest.raises(InvalidInputError, match="y_train has no 0"):
        load(tmp_path, y_train=Y + 1, x_val=X[:6], y_val=np.arange(6) % 2)


@pytest.mark.parametrize(
    ("images", "note"),
    [
        (X / 255, "x_train: float64 from 0 to 1 is read as pixels from 0 to 255"),
        ((X / 255).astype(np.float32), "x_train: float32 from 0 to 1"),
        (X.astype(np.float64), "x_train: float64 from 0 to 255 is read as uint8"),
        (X.astype(np.int64), "x_train: int64 from 0 to 255 is read as uint8"),
        (X.transpose(0, 3, 1, 2), "x_train: 60 x 3 x 12 x 12 is read as N C H W (channels: 3)"),
        (X.transpose(0, 3, 1, 2) / 255, "x_train: 60 x 3 x 12 x 12 is read as N C H W (channels: 3)"),
    ],
)
def test_images_of_one_meaning_are_converted(images: NDArray[Any], note: str, tmp_path: Path) -> None:
    plain, data = load(tmp_path), load(tmp_path, x_train=images)
    assert data.fingerprint() == plain.fingerprint()
    assert any(remark.startswith(note) for remark in data.remarks())


@pytest.mark.parametrize(
    ("shape", "size", "channels"),
    [
        ((2, 32, 32), (32, 32), 2),
        ((4, 24, 32), (24, 32), 4),
        ((13, 64, 64), (64, 64), 13),
        ((64, 48, 13), (64, 48), 13),
        ((32, 32, 4), (32, 32), 4),
        ((3, 3, 3), (3, 3), 3),
    ],
)
def test_axis_of_channels_is_found(
    shape: tuple[int, ...], size: tuple[int, int], channels: int, tmp_path: Path
) -> None:
    data = load(tmp_path, x_train=RNG.integers(0, 256, (60, *shape), dtype=np.uint8))
    assert (data.image_size, data.in_channels) == (size, channels)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": X / 127.5 - 1}, "x_train must be uint8 .* but got float64 from -1 to 1"),
        ({"x_train": X / 100}, "but got float64 from 0 to 2.55"),
        ({"x_train": np.where(X > 250, np.nan, X)}, "x_train must be finite"),
        ({"x_train": X.astype(np.uint16) * 257}, "but got uint16 from 0 to 65535"),
        ({"x_train": X.astype(np.int64) - 1}, "but got int64 from -1 to 254"),
        ({"x_train": X // 128 * np.int64(1)}, "but got int64 from 0 to 1"),
        ({"x_train": X.reshape(60, -1)}, "must be N H W C or N H W"),
        ({"x_train": X.transpose(1, 2, 3, 0)}, "may be N C H W or N H W C"),
        ({"x_train": np.zeros((60, 13, 24, 32), np.uint8)}, "may be N C H W or N H W C"),
        ({"y_train": Y - 1}, "must be whole numbers from 0, but got -1"),
        ({"y_train": Y + 0.5}, "whole numbers from 0, but got float64 with 0.5"),
        ({"y_train": np.where(Y == 0, np.nan, Y)}, "float64 with nan"),
        ({"y_train": np.eye(3)[Y] * 0.9}, "must be a list of N labels, or N rows with a single one"),
        ({"y_train": Y * 10}, "labels must run from 0 to K - 1"),
    ],
)
def test_what_may_mean_several_things_is_refused(
    arrays: dict[str, NDArray[Any]], says: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        load(tmp_path, **arrays)
    assert "\n" not in str(caught.value)


def test_a_size_that_is_not_used_is_noted() -> None:
    data = load_search_data(DataConfig(source="digits", image_size=32))
    assert data.image_size == (8, 8)
    assert "data.image_size = 32 is not used: only imagefolder resizes images" in data.remarks()
