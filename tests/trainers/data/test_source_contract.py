"""The contract of every image source: one conformance suite over all kinds."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from space.core.errors import InvalidInputError
from tests.support.studies import write_images
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_held_out, load_search_data
from trainers.data.sources import SOURCES
from trainers.data.splits import SearchData
from trainers.data.torchvision_sources import KNOWN_SETS


def digits(_folder: Path) -> DataConfig:
    return DataConfig(source="digits")


def npz(folder: Path) -> DataConfig:
    return DataConfig(source=f"npz:{write_images(folder, 60)}")


def imagefolder(folder: Path) -> DataConfig:
    rng = np.random.default_rng(0)
    for name in ("cats", "dogs"):
        (folder / name).mkdir()
        for index in range(20):
            pixels = rng.integers(0, 255, (6, 7, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return DataConfig(source=f"imagefolder:{folder}")


def mnist(folder: Path) -> DataConfig:
    """A small data set in the files that torchvision reads."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, count in (("train", 60), ("t10k", 20)):
        images, labels = rng.integers(0, 255, (count, 28, 28)), np.arange(count) % 10
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = struct.pack(">BBBB", 0, 0, 8, array.ndim)
            header += struct.pack(f">{array.ndim}I", *array.shape)
            (raw / f"{part}-{kind}-ubyte").write_bytes(header + array.astype(np.uint8).tobytes())
    return DataConfig(source="mnist", root=str(folder))


MAKERS: dict[str, Callable[[Path], DataConfig]] = {
    "digits": digits,
    "npz": npz,
    "imagefolder": imagefolder,
    "mnist": mnist,
}
"""A maker for each reader; the sets of torchvision share one."""


@pytest.fixture(scope="module", params=MAKERS)
def config(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> DataConfig:
    return MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def data(config: DataConfig) -> SearchData:
    return load_search_data(config)


def test_suite_covers_every_source() -> None:
    assert set(SOURCES) - set(KNOWN_SETS) == set(MAKERS) - set(KNOWN_SETS)


def test_source_returns_bytes_with_matching_labels(data: SearchData) -> None:
    for split in (data.train, data.val):
        images = split.images[:]
        assert images.dtype == np.uint8
        assert images.shape == (len(split), *data.image_size, data.in_channels)
        assert split.labels.dtype == np.int64
        assert split.labels.min() >= 0
        assert split.labels.max() < data.num_classes


def test_source_returns_distinct_classes_with_images_in_each_split(data: SearchData) -> None:
    assert len(set(data.classes)) == data.num_classes >= 2
    for split in (data.train, data.val):
        assert len(np.unique(split.labels)) == data.num_classes


def test_source_returns_the_same_images_again(config: DataConfig, data: SearchData) -> None:
    again = load_search_data(config)
    assert again.fingerprint() == data.fingerprint()
    for split, other in ((data.train, again.train), (data.val, again.val)):
        np.testing.assert_array_equal(split.images[:], other.images[:])
        np.testing.assert_array_equal(split.labels, other.labels)


def test_source_holds_out_test_images_of_the_same_form(config: DataConfig, data: SearchData) -> None:
    held_out = load_held_out(config)
    assert len(held_out.test) == data.num_held_out > 0
    assert held_out.classes == data.classes
    assert held_out.test.images.shape[1:] == data.train.images.shape[1:]


def test_source_changes_its_fingerprint_with_the_split(config: DataConfig, data: SearchData) -> None:
    other = load_search_data(config.model_copy(update={"split_seed": 7}))
    assert other.fingerprint() != data.fingerprint()
    assert len(other.train) + len(other.val) == len(data.train) + len(data.val)


@pytest.mark.parametrize("name", SOURCES)
def test_source_refuses_a_missing_path_in_one_line(name: str, tmp_path: Path) -> None:
    """A data set of scikit-learn or torchvision takes no path, and refuses any."""
    with pytest.raises(InvalidInputError) as caught:
        load_search_data(DataConfig(source=f"{name}:{tmp_path}/nowhere"))
    assert "\n" not in str(caught.value)
    assert "nowhere" in str(caught.value)
