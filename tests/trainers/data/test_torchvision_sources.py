"""The data sets of torchvision: found in a folder, damaged, or unavailable."""

from __future__ import annotations

import hashlib
import pickle
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.core.errors import InvalidInputError
from trainers.data.config import DataConfig
from trainers.data.load_splits import known_format, load_held_out, load_search_data


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def test_mnist_is_found_under_the_root(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    for part, count in (("train", 40), ("t10k", 10)):
        write_idx(raw / f"{part}-images-idx3-ubyte", np.full((count, 28, 28), count))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count) % 10)
    config = DataConfig(source="mnist", root=str(tmp_path), val_fraction=0.25)
    data = load_search_data(config)
    assert data.train.images.shape == (30, 28, 28, 1)
    assert int(data.train.images[0, 0, 0, 0]) == 40
    assert data.classes[1] == "1 - one"
    assert len(load_held_out(config).test) == 10
    assert known_format(config) == ((28, 28), 1, 10)


def test_files_of_a_set_that_are_damaged_are_to_be_removed(tmp_path: Path) -> None:
    """torchvision does not download what is there, so trying that would say nothing."""
    raw = tmp_path / "MNIST" / "raw"
    for part in ("train", "t10k"):
        write_idx(raw / f"{part}-images-idx3-ubyte", np.zeros((20, 28, 28)))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(20) % 10)
    images = raw / "train-images-idx3-ubyte"
    images.write_bytes(images.read_bytes()[:1000])
    with pytest.raises(InvalidInputError, match=r"mnist under .* is damaged \(.*remove .*/MNIST/raw, and it"):
        load_search_data(DataConfig(source="mnist", root=str(tmp_path)))


def test_a_torchvision_that_does_not_fit_torch_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(InvalidInputError, match="mnist needs torchvision, which cannot be imported"):
        load_search_data(DataConfig(source="mnist", root=str(tmp_path)))


def test_cifar10_is_found_under_the_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In torchvision's form; the checksums are those of these few images instead of the real ones."""
    from torchvision.datasets import CIFAR10

    base = tmp_path / CIFAR10.base_folder
    base.mkdir()

    def write(name: str, content: dict[str, Any]) -> str:
        (base / name).write_bytes(pickle.dumps(content))
        return hashlib.md5((base / name).read_bytes()).hexdigest()

    def batch(count: int, value: int) -> dict[str, Any]:
        return {"data": np.full((count, 3072), value, np.uint8), "labels": [i % 10 for i in range(count)]}

    monkeypatch.setattr(CIFAR10, "train_list", [["data_batch_1", write("data_batch_1", batch(40, 3))]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", write("test_batch", batch(10, 4))]])
    names = {"label_names": list("abcdefghij")}
    meta = {"filename": "batches.meta", "key": "label_names", "md5": write("batches.meta", names)}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    data = load_search_data(DataConfig(source="cifar10", root=str(tmp_path), val_fraction=0.25))
    assert data.train.images.shape == (30, 32, 32, 3)
    assert data.classes == tuple("abcdefghij")
    assert data.name == "cifar10"


def test_a_set_that_cannot_be_downloaded_is_told_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import CIFAR10

    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/nothing.tar.gz")
    with pytest.raises(
        InvalidInputError, match=r"cifar10 is not under .*, or damaged .*, and cannot be downloaded"
    ) as caught:
        load_search_data(DataConfig(source="cifar10", root=str(tmp_path)))
    assert "bring torchvision's cifar-10-batches-py there" in str(caught.value)
    assert "--data-root" in str(caught.value)
    assert "download=True" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_known_sets_take_no_file() -> None:
    with pytest.raises(InvalidInputError, match="the source cifar10 takes no file, but got 'x'"):
        load_search_data(DataConfig(source="cifar10:x"))


def test_labels_of_another_set_are_damage(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    for part, count in (("train", 40), ("t10k", 10)):
        write_idx(raw / f"{part}-images-idx3-ubyte", np.zeros((count, 28, 28)))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(count) + 90)
    with pytest.raises(InvalidInputError, match=r"mnist under .* is damaged: 40 images have 40 labels"):
        load_search_data(DataConfig(source="mnist", root=str(tmp_path)))
    write_idx(raw / "train-labels-idx1-ubyte", np.arange(41) % 10)
    with pytest.raises(InvalidInputError, match="40 images have 41 labels"):
        load_search_data(DataConfig(source="mnist", root=str(tmp_path)))
