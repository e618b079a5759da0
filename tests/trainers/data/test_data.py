"""Data: the splits, and malformed archives of every kind."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from sklearn.datasets import load_digits

from space.core.errors import InvalidInputError
from space.core.validation import explain
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_held_out, load_search_data
from trainers.data.splits import SearchData, Split
from trainers.data.stratified import stratified_split


def npz(folder: Path, **arrays: Any) -> DataConfig:
    np.savez(folder / "images.npz", **arrays)
    return DataConfig(source=f"npz:{folder / 'images.npz'}")


def images(count: int, shape: tuple[int, ...] = (6, 5, 3), seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(np.uint8)


def labels(count: int, num_classes: int = 3) -> np.ndarray:
    return np.arange(count) % num_classes


def test_digits_are_scikit_learns_and_every_image_is_in_one_split() -> None:
    config = DataConfig(val_fraction=0.25, test_fraction=0.2)
    data, held_out = load_search_data(config), load_held_out(config)
    parts = [data.train, data.val, held_out.test]
    assert sum(len(part) for part in parts) == 1797
    rows = {part.images[i].tobytes() for part in parts for i in range(len(part))}
    pixels = np.round(load_digits().images * 255 / 16).astype(np.uint8)
    assert rows == {image.tobytes() for image in pixels}
    assert len(held_out.test) == pytest.approx(0.2 * 1797, abs=6)
    assert len(data.val) == pytest.approx(0.25 * 0.8 * 1797, abs=6)


def test_search_data_has_no_test_images_only_their_number() -> None:
    found = {field.name: field.type for field in fields(SearchData)}
    assert {name for name, kind in found.items() if kind == "Split"} == {"train", "val"}
    assert found.pop("num_held_out") == "int"
    assert set(found) == {"name", "classes", "train", "val", "signature", "notes"}


@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=6).filter(any),
    fraction=st.floats(0, 0.95),
    seed=st.integers(0, 10),
)
def test_stratified_split(counts: list[int], fraction: float, seed: int) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    kept, held = stratified_split(y, fraction, seed)
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(y)))
    for label, count in enumerate(counts):
        num_held = int((y[held] == label).sum())
        assert num_held < count or count == 0
        assert abs(num_held - fraction * count) <= 0.5 or num_held == count - 1
    again = stratified_split(y, fraction, seed)
    assert np.array_equal(kept, again[0])


def test_own_validation_and_test_images_are_used(tmp_path: Path) -> None:
    config = npz(
        tmp_path,
        x_train=images(30), y_train=labels(30),
        x_val=images(6, seed=1), y_val=labels(6),
        x_test=images(9, seed=2), y_test=labels(9),
        classes=np.array(["cat", "dog", "ant"]),
    )  # fmt: skip
    data = load_search_data(config)
    assert len(data.train) == 30
    assert np.array_equal(data.val.images, images(6, seed=1))
    assert data.classes == ("cat", "dog", "ant")
    assert np.array_equal(load_held_out(config).test.images, images(9, seed=2))


def test_grey_images_and_column_labels(tmp_path: Path) -> None:
    config = npz(tmp_path, x_train=images(40, (10, 14)), y_train=labels(40)[:, None])
    data = load_search_data(config)
    assert data.train.images.shape == (25, 10, 14, 1)
    assert (data.image_size, data.in_channels, data.num_classes) == ((10, 14), 1, 3)


def test_fingerprint_changes_with_pixels_labels_and_split(tmp_path: Path) -> None:
    x, y = images(40), labels(40)
    config = npz(tmp_path, x_train=x, y_train=y)
    prints = {load_search_data(config).fingerprint()}
    assert load_search_data(config).fingerprint() in prints
    prints.add(load_search_data(config.model_copy(update={"split_seed": 1})).fingerprint())
    prints.add(load_search_data(npz(tmp_path, x_train=x ^ 1, y_train=y)).fingerprint())
    prints.add(load_search_data(npz(tmp_path, x_train=x, y_train=(y + 1) % 3)).fingerprint())
    assert len(prints) == 4


X, Y = images(12), labels(12)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x_train": X}, "has no array y_train"),
        ({"images": X, "labels": Y}, "has no array x_train"),
        ({"x_train": X.astype(float) - 1, "y_train": Y}, "must be uint8 .* but got float64"),
        ({"x_train": X.astype(np.uint16) + 257, "y_train": Y}, "must be uint8 .* but got uint16"),
        ({"x_train": X[0, 0], "y_train": Y}, "must be N H W C or N H W, but got 5 x 3"),
        ({"x_train": X[:0], "y_train": Y[:0]}, "x_train is empty"),
        ({"x_train": X, "y_train": Y[:5]}, "must be equally long, but got 12 and 5"),
        ({"x_train": X, "y_train": Y - 1}, "whole numbers from 0, but got -1"),
        ({"x_train": X, "y_train": Y + 0.5}, "whole numbers from 0, but got float64"),
        ({"x_train": X, "y_train": 2 * np.eye(12)}, "list of N labels, .* but got 12 x 12"),
        ({"x_train": X, "y_train": Y * 2}, "the largest is 4 and y_train has no 1"),
        ({"x_train": X, "y_train": Y * 100_000 + 100_000}, "the largest is 300000 and y_train has no 0"),
        ({"x_train": X, "y_train": Y * 10**9}, "must run from 0 to K - 1"),
        ({"x_train": X, "y_train": Y * 0}, "all have one label"),
        ({"x_train": X, "y_train": Y, "classes": np.array(["a", "b"])}, "labels must be below 2"),
        ({"x_train": X, "y_train": Y, "classes": np.arange(3)}, "classes must be a list of names"),
        ({"x_train": X, "y_train": Y, "x_val": X}, "has x_val but no y_val"),
        ({"x_train": X, "y_train": Y, "x_val": X[:, 1:], "y_val": Y}, "x_val has images of 5 x 5 x 3"),
        ({"x_train": X[:3], "y_train": Y[:3]}, "too few images, 3 to train on"),
        ({"x_train": np.array([{}, {}]), "y_train": Y}, "they are never loaded"),
    ],
)
def test_wrong_archives_say_what_is_wrong(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    config = npz(tmp_path, **arrays)
    with pytest.raises(InvalidInputError, match=says) as caught:
        load_search_data(config)
    assert "\n" not in str(caught.value)
    assert "images" in str(caught.value)


def test_files_that_are_no_archives(tmp_path: Path) -> None:
    file = tmp_path / "x.npz"
    config = DataConfig(source=f"npz:{file}")
    with pytest.raises(InvalidInputError, match="there is no file"):
        load_search_data(config)
    np.savez(file, x_train=X, y_train=Y)
    whole = file.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:200] + bytes(60) + whole[260:]):
        file.write_bytes(content)
        with pytest.raises(InvalidInputError, match=r"x\.npz"):
            load_search_data(config)
    with file.open("wb") as stream:
        np.save(stream, X)
    with pytest.raises(InvalidInputError, match="holds a single array"):
        load_search_data(config)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("digit", r"data\.source must be one of \['cifar10', .* did you mean 'digits'"),
        ("", r"data\.source must be one of .* but got ''"),
        ("npz:a\0b", r"data\.source must not hold NUL characters, but got 'npz:a\\x00b'"),
    ],
)
def test_sources_that_cannot_be_are_refused_where_they_are_declared(source: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        DataConfig(source=source)
    assert str(explain(caught.value, DataConfig, "x.toml")).startswith("x.toml: ")


def test_the_key_of_a_source_is_named_once() -> None:
    class Study(BaseModel):
        data: DataConfig

    with pytest.raises(ValidationError) as caught:
        Study.model_validate({"data": {"source": "digit"}})
    text = str(explain(caught.value, Study, "x.toml"))
    assert text.startswith("x.toml: data.source must be one of")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("npz", "needs a file"),
        ("npz:", "needs a file"),
        ("digits:x", "takes no file"),
        ("npz:/", "/ is a folder, but npz needs a file"),
        ("npz:" + "x" * 10_000, "cannot be read: File name too long"),
    ],
)
def test_sources_that_lead_nowhere_are_refused_at_loading(source: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        load_search_data(DataConfig(source=source))
    assert len(str(caught.value)) < 200


def test_paths_are_seen_from_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for source, expected in (("npz:x", tmp_path / "a" / "x"), ("npz:~/x", tmp_path / "x"), ("npz:/x", "/x")):
        assert DataConfig(source=source).resolved(tmp_path / "a").source == f"npz:{expected}"
    assert DataConfig(source="npz:").resolved(tmp_path).source == "npz:"
    with pytest.raises(InvalidInputError, match=r"data\.source = 'npz:~nosuchuser/x' is no usable path"):
        DataConfig(source="npz:~nosuchuser/x").resolved(tmp_path)
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    with pytest.raises(InvalidInputError, match="circle"):
        load_search_data(DataConfig(source="npz:circle/x").resolved(tmp_path))


@pytest.mark.parametrize("key", ["val_fraction", "test_fraction"])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_fractions_are_finite(key: str, value: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        DataConfig.model_validate({key: value})


@pytest.mark.parametrize(
    ("train", "val", "remarks"),
    [
        ([0, 1, 2], [0, 1, 2], []),
        ([0, 1, 2], [0, 2], ["no validation image of 'class 1': their accuracy is not measured"]),
        (
            [0, 0],
            [1],
            ["no training image of 'class 1', 'class 2': such", "of 'class 0', 'class 2': their"],
        ),
        (list(range(9)), [8], ["of 'class 0', 'class 1', 'class 2', 'class 3', 'class 4', ...: their"]),
    ],
)
def test_classes_without_images_are_remarked(train: list[int], val: list[int], remarks: list[str]) -> None:
    classes = tuple(f"class {k}" for k in range(max([*train, 2]) + 1))
    shade = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    splits = (Split(shade.repeat(len(labels), axis=0), np.array(labels)) for labels in (train, val))
    found = SearchData("mine", classes, *splits).remarks()
    assert len(found) == len(remarks)
    assert all(part in remark for part, remark in zip(remarks, found, strict=True))


def test_no_test_split() -> None:
    with pytest.raises(InvalidInputError, match="has no test images"):
        load_held_out(DataConfig(test_fraction=0.0))


def test_images_with_nothing_on_them_are_remarked() -> None:
    empty = Split(np.full((3, 4, 4, 1), 7, np.uint8), np.array([0, 1, 1]))
    found = SearchData("mine", ("a", "b"), empty, empty, notes=("2 files are left out",)).remarks()
    assert found[0] == "2 files are left out"
    assert found[1].startswith("all pixels of the training images have one value, 7: there is nothing")
