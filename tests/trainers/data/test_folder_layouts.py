"""Users' folder layouts: read as intended, with a note, or refused with advice."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest

from space.core.errors import InvalidInputError
from tests.trainers.data.test_image_sources import folder, save
from trainers.data.load_splits import load_held_out, load_search_data

NFC = unicodedata.normalize("NFC", "caf\u00e9")
NFD = unicodedata.normalize("NFD", NFC)


def make(root: Path, *paths: str, count: int = 4) -> None:
    """Save ``count`` images in each folder; a path with a suffix is a single file, or an empty text."""
    for shade, text in enumerate(paths):
        path = root / text
        if path.suffix == ".png":
            save(path, value=shade)
        elif path.suffix or path.name.startswith("."):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("", encoding="utf-8")
        else:
            for index in range(count):
                save(path / f"{index}.png", value=20 * shade + index)


READ = {
    "one folder around everything": (
        ["wrap/dataset/a", "wrap/dataset/b", "wrap/README.md"],
        ("a", "b"),
        8,
        ["read from .*wrap/dataset, the only"],
    ),
    "a folder of the same name in it, with parts": (
        [
            "dataset/dataset/train/a",
            "dataset/dataset/train/b",
            "dataset/dataset/valid/a",
            "dataset/dataset/valid/b",
        ],
        ("a", "b"),
        16,
        ["read from .*dataset/dataset, the only"],
    ),
    "a zip from a Mac": (
        ["__MACOSX/a", "a", "b", ".DS_Store", "a/Thumbs.db", "b/desktop.ini"],
        ("a", "b"),
        8,
        ["__MACOSX/ in .* is not used"],
    ),
    "a zip from a Mac with one folder in it": (
        ["__MACOSX/set/a", "set/a", "set/b"],
        ("a", "b"),
        8,
        ["read from .*set, the only"],
    ),
    "parts with a folder around the classes": (
        ["train/train/a", "train/train/b", "val/val/a", "val/val/b"],
        ("a", "b"),
        16,
        ["train images are read from .*train/train", "val images are read from .*val/val"],
    ),
    "a class of one folder to validate on": (
        ["train/a/x", "train/a/y", "train/b/x", "val/a/x", "val/a/y"],
        ("a", "b"),
        20,
        ["no validation image of 'b'"],
    ),
    "other folders beside two parts": (
        ["train/a", "train/b", "val/a", "val/b", "unlabelled", "docs/x.txt"],
        ("a", "b"),
        16,
        ["unlabelled/ in .* is not used: only train/ and val/ have a use"],
    ),
    "a class called train": (
        ["train", "bus", "car"],
        ("bus", "car", "train"),
        12,
        ["train/ is taken as a class"],
    ),
    "test images without labels": (
        ["train/a", "train/b", "test"],
        ("a", "b"),
        8,
        ["test is not used: it has no class folders"],
    ),
    "capitals, spaces and unusual signs": (
        ["Train/big cat", "Train/dog (old)", "VAL/big cat", "VAL/dog (old)"],
        ("big cat", "dog (old)"),
        16,
        [],
    ),
    "dev": (["train/a", "train/b", "dev/a", "dev/b"], ("a", "b"), 16, []),
    "other Unicode forms": (
        [f"train/{NFC}", "train/b", f"val/{NFD}", "val/b"],
        ("b", NFC),
        16,
        [],
    ),
    "names that differ in case": (
        ["Cat", "cat", "dog"],
        ("Cat", "cat", "dog"),
        12,
        ["'Cat' and 'cat' differ"],
    ),
}


@pytest.mark.parametrize("case", READ)
def test_layouts_are_read_as_they_are_meant(tmp_path: Path, case: str) -> None:
    paths, classes, count, expected = READ[case]
    make(tmp_path, *paths)
    data = load_search_data(folder(tmp_path, test_fraction=0.0))
    notes = data.remarks()
    assert data.classes == classes
    assert len(data.train) + len(data.val) == count
    assert len(notes) == len(expected), notes
    for pattern in expected:
        assert any(re.search(pattern, note) for note in notes), notes


REFUSED = {
    "a class called train, of folders": (
        [f"vehicles/{name}/{cam}" for name in ("train", "bus", "car") for cam in ("cam1", "cam2")],
        r"train/ beside bus/ and car/: rename train/ if it is a class, or move",
    ),
    "only parts that are not train": (["test/a", "bus/a"], "has test/ but no train/; .* if it is a class"),
    "images without classes": (
        ["a.png", "b.png", "labels.csv"],
        r"of its own; labels in labels\.csv are not read",
    ),
    "one folder of images beside a table": (
        ["images", "labels.csv"],
        r"one class only, 'images'; put .* own; labels in labels\.csv are not read",
    ),
    "train without classes": (
        ["train", "val", "train.csv"],
        r"train/CLASS; labels in train\.csv are not read",
    ),
    "a table in the parts": (
        ["train/_classes.csv", "train/0.png", "valid/_classes.csv", "valid/0.png"],
        r"labels in _classes\.csv are not read",
    ),
    "parts with other words": (
        ["seg_train/seg_train/a", "seg_train/seg_train/b", "seg_test/seg_test/a", "seg_pred"],
        "rename seg_test/ to test/ and seg_train/ to train/",
    ),
    "parts below the classes": (
        ["cat/train", "cat/val", "dog/train", "dog/val"],
        "train/ and others .* train/cat",
    ),
    "boxes": (
        ["train/images", "train/labels/0.txt", "valid/images", "valid/labels/0.txt"],
        "set for detection",
    ),
    "masks": (["images", "masks"], "set for detection or segmentation"),
    "case": (
        ["train/Cat", "train/dog", "val/cat", "val/dog"],
        "'cat', which .* has not, but 'Cat'; give both",
    ),
    "spaces": (["train/big_cat", "train/dog", "val/big cat"], "'big cat', .* but 'big_cat'; give both"),
    "spelling": (["train/tiger", "train/dog", "val/tigre"], "did you mean 'tiger'"),
    "two Unicode forms": ([NFC, NFD, "b"], "differ in their Unicode form only; put"),
    "nothing": (["notes.txt"], "has no folders with images in them"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_layouts_of_unclear_meaning_are_refused_with_what_to_do(tmp_path: Path, case: str) -> None:
    paths, says = REFUSED[case]
    make(tmp_path, *paths)
    with pytest.raises(InvalidInputError, match=says) as caught:
        load_search_data(folder(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["eval", "Evaluation", "holdout", "hold-out", "held_out"])
def test_parts_of_unclear_use_are_kept_from_the_search(tmp_path: Path, name: str) -> None:
    make(tmp_path, "train/a", "train/b", f"{name}/a", f"{name}/b", count=5)
    data = load_search_data(folder(tmp_path))
    assert len(data.train) + len(data.val) == 10
    assert len(load_held_out(folder(tmp_path)).test) == 10
    (note,) = data.notes
    assert (
        note
        == f"{name}/ is taken as the test images: no search sees them; if they are not, rename it to val/"
    )


def test_parts_of_unclear_use_beside_test_are_for_validation(tmp_path: Path) -> None:
    make(tmp_path, "train/a", "train/b", "eval/a", "eval/b", "test/a")
    data = load_search_data(folder(tmp_path))
    assert (len(data.train), len(data.val)) == (8, 8)
    assert "eval/ is taken as the validation images" in data.notes[0]


def test_a_part_named_alone_notes_the_parts_beside_it(tmp_path: Path) -> None:
    make(tmp_path, "train/a", "train/b", "val/a")
    (note,) = load_search_data(folder(tmp_path / "train")).notes
    assert note.startswith("val/ beside ")
    assert note.endswith(f"imagefolder:{tmp_path} would use it")


def test_the_unicode_form_of_names_changes_nothing(tmp_path: Path) -> None:
    """A set that was copied from a Mac is the same set."""
    fingerprints = []
    for form in ("NFC", "NFD"):
        root = tmp_path / form
        make(root, *(unicodedata.normalize(form, name) for name in ("ez", "\u00e9a", "f")))
        fingerprints.append(load_search_data(folder(root)).fingerprint())
    assert fingerprints[0] == fingerprints[1]
