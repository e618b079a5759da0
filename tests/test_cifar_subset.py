"""The part of CIFAR-10 that CPU benchmarks use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.cifar_subset import main


@pytest.mark.parametrize("halve", [False, True])
def test_subset_has_the_first_images_of_each_class(tmp_path: Path, halve: bool) -> None:
    labels = np.array([0, 0, 0, 1, 1, 0, 1, 1], dtype=np.uint8)
    images = np.zeros((8, 32, 32, 3), np.uint8) + np.arange(8, dtype=np.uint8)[:, None, None, None]
    np.savez(
        tmp_path / "all.npz", x_train=images, y_train=labels, x_test=images, y_test=labels, classes=["a", "b"]
    )
    options = ["--halve"] if halve else []
    main([str(tmp_path / "all.npz"), str(tmp_path / "some.npz"), "--train", "4", *options])
    with np.load(tmp_path / "some.npz") as found:
        assert found["x_train"].shape == (4, *((16, 16) if halve else (32, 32)), 3)
        assert found["x_train"][:, 0, 0, 0].tolist() == [0, 1, 3, 4]
        assert found["y_train"].tolist() == [0, 0, 1, 1]
        assert len(found["x_test"]) == 8
        assert found["classes"].tolist() == ["a", "b"]
