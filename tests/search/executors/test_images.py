"""The images of a worker in several sizes."""

from __future__ import annotations

from typing import Any, cast

import pytest

from search.executors.images import MOST_SIZES, SizedImages


def make() -> tuple[SizedImages, list[int]]:
    loaded: list[int] = []

    def load(side: int) -> Any:
        loaded.append(side)
        return f"images of {side}"

    return SizedImages(cast(Any, "own images"), load), loaded


def test_images_of_a_size_are_loaded_once() -> None:
    images, loaded = make()
    assert [images.of(side) for side in (16, None, 8, 16)] == [
        *("images of 16", "own images", "images of 8", "images of 16")
    ]
    assert loaded == [16, 8]


def test_images_that_were_loaded_first_are_dropped_first() -> None:
    images, loaded = make()
    for side in range(1, MOST_SIZES + 2):
        images.of(side)
    images.of(2)
    assert loaded == list(range(1, MOST_SIZES + 2))
    images.of(1)
    assert loaded[-1] == 1


def test_images_that_cannot_be_read_are_not_kept() -> None:
    def load(side: int) -> Any:
        raise OSError(str(side))

    images = SizedImages(cast(Any, "own images"), load)
    for _ in range(2):
        with pytest.raises(OSError, match="8"):
            images.of(8)
