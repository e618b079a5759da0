"""Images in folders: the files and classes, and the resulting data."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from space.core.errors import InvalidInputError
from trainers.data.config import DataConfig
from trainers.data.load_splits import known_format, load_held_out, load_search_data


def save(path: Path, size: tuple[int, int] = (12, 9), mode: str = "RGB", value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, value if mode in ("L", "I;16") else (value,) * len(mode)).save(path)


def folder(root: Path, **options: Any) -> DataConfig:
    return DataConfig(source=f"imagefolder:{root}", **options)


def test_a_folder_with_its_own_splits(tmp_path: Path) -> None:
    for part, count in (("train", 6), ("val", 2), ("test", 3)):
        for label, name in enumerate(("cat", "dog")):
            for i in range(count):
                save(tmp_path / part / name / f"{i}.png", value=100 * label + i)
    data = load_search_data(folder(tmp_path))
    assert data.classes == ("cat", "dog")
    assert data.train.images.shape == (12, 9, 12, 3)
    assert len(data.val) == 4
    assert data.train.images[7, 0, 0].tolist() == [101, 101, 101]
    assert data.train.labels.tolist() == [0] * 6 + [1] * 6
    assert len(load_held_out(folder(tmp_path)).test) == 6
    assert known_format(folder(tmp_path)) is None


@pytest.mark.parametrize(
    ("train", "val", "test"), [("Train", "Valid", "Test"), ("training", "validation", "testing")]
)
def test_parts_may_have_other_usual_names(tmp_path: Path, train: str, val: str, test: str) -> None:
    for part, count in ((train, 6), (val, 2), (test, 3)):
        for name in ("cat", "dog"):
            for i in range(count):
                save(tmp_path / part / name / f"{i}.png")
    data = load_search_data(folder(tmp_path))
    assert data.classes == ("cat", "dog")
    assert (len(data.train), len(data.val), len(load_held_out(folder(tmp_path)).test)) == (12, 4, 6)
    (tmp_path / "val").mkdir()
    with pytest.raises(InvalidInputError, match="both for val; move one of them away"):
        load_search_data(folder(tmp_path))


def test_a_broken_test_image_does_not_stop_a_search_that_does_not_see_it(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        for name in ("cat", "dog"):
            for i in range(3):
                save(tmp_path / part / name / f"{i}.png")
    whole = (tmp_path / "test" / "dog" / "2.png").read_bytes()
    (tmp_path / "test" / "dog" / "2.png").write_bytes(whole[:-20])
    assert len(load_search_data(folder(tmp_path)).train) == 6


def test_one_folder_is_split(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for i in range(20):
            save(tmp_path / name / "deep" / f"{i}.JPG", mode="L")
    (tmp_path / "notes.txt").write_text("no image")
    data = load_search_data(folder(tmp_path, val_fraction=0.25, test_fraction=0.2))
    assert data.train.images.shape[1:] == (9, 12, 1)  # grey, since all of them are
    assert (len(data.train), len(data.val), len(load_held_out(folder(tmp_path)).test)) == (24, 8, 8)


def test_images_of_any_size_become_one(tmp_path: Path) -> None:
    for i, size in enumerate([(80, 40), (30, 90), (64, 64), (500, 300)] * 2):
        save(tmp_path / "ab"[i % 2] / f"{i}.png", size)
    save(tmp_path / "a" / "grey.png", (70, 70), "L", 200)
    config = folder(tmp_path, test_fraction=0.0)
    assert load_search_data(config).image_size == (64, 64)
    assert load_search_data(config.model_copy(update={"image_size": 20})).image_size == (20, 20)
    wide = DataConfig.model_validate({"source": f"imagefolder:{tmp_path}", "image_size": [16, 24]})
    assert load_search_data(wide).image_size == (16, 24)


def test_what_reaches_over_is_cut_off_on_both_sides(tmp_path: Path) -> None:
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, 4:8] = 255
    for name in ("a", "b"):
        for i in range(4):
            save(tmp_path / name / f"{i}.png", (4, 4))
            (tmp_path / name / f"{i}.png").unlink()
            Image.fromarray(pixels).save(tmp_path / name / f"{i}.png")
    data = load_search_data(folder(tmp_path, image_size=4))
    assert data.train.images.min() == 255


def test_sixteen_bits_and_transparency(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for i in range(5):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(np.full((5, 6), 0x8034, np.uint16)).save(tmp_path / name / f"{i}.png")
    data = load_search_data(folder(tmp_path, test_fraction=0.0))
    assert data.in_channels == 1
    assert set(np.unique(data.train.images)) == {0x80}
    save(tmp_path / "a" / "rgba.png", (6, 5), "RGBA", 7)
    assert load_search_data(folder(tmp_path, test_fraction=0.0)).in_channels == 3


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    """Icons are often black everywhere, and drawn by transparency alone."""
    drawn = np.zeros((6, 5, 4), np.uint8)
    drawn[2:4, :, 3] = 255
    for name in ("a", "b"):
        for i in range(3):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(drawn).save(tmp_path / name / f"{i}.png")
    data = load_search_data(folder(tmp_path, test_fraction=0.0))
    expected = np.full((6, 5, 3), 255, np.uint8)
    expected[2:4] = 0
    assert (data.train.images[:] == expected).all()


def test_files_that_are_left_out_are_noted(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for i in range(9):
            save(tmp_path / name / f"{i}.jfif.png")
    assert load_search_data(folder(tmp_path)).notes == ()
    broken(tmp_path / "a" / "x.heic", b"")
    broken(tmp_path / "b" / ".DS_Store", b"")
    broken(tmp_path / "README.md", b"")
    (note,) = load_search_data(folder(tmp_path)).notes
    assert note.startswith("a file is left out, such as ")
    assert "a/x.heic: images are files below a class" in note
    save(tmp_path / "loose.png")
    (note,) = load_search_data(folder(tmp_path)).notes
    assert note.startswith("2 files are left out, such as ")


def test_files_at_which_pillow_fails_in_its_own_ways_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A DDS or AVIF file by another name raises NotImplementedError or RuntimeError."""
    for name in ("a", "b"):
        save(tmp_path / name / "0.png")

    def fail(_path: Path) -> None:
        raise NotImplementedError("Unimplemented pixel format 0")

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(InvalidInputError, match=r"0\.png is no image that can be read: Unimplemented pixel"):
        load_search_data(folder(tmp_path))


def test_bits_of_other_orders_and_numbers(tmp_path: Path) -> None:
    for name in ("a", "b"):
        for i in range(3):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.frombytes("I;16B", (6, 5), b"\x80\x34" * 30).save(tmp_path / name / f"{i}.tif")
    data = load_search_data(folder(tmp_path, test_fraction=0.0))
    assert data.in_channels == 1
    assert set(np.unique(data.train.images)) == {0x80}
    for array in (np.full((5, 6), 0.5, np.float32), np.full((5, 6), 200, np.int32)):
        Image.fromarray(array).save(tmp_path / "a" / "odd.tif")
        with pytest.raises(InvalidInputError, match=r"odd\.tif has pixels of 32 bits"):
            load_search_data(folder(tmp_path))


def test_images_stored_on_their_side_are_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("a", "b"):
        for i in range(4):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", (12, 8)).save(tmp_path / name / f"{i}.jpg", exif=exif)
    assert load_search_data(folder(tmp_path)).image_size == (12, 8)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda _root: None, "has no folders with images in them"),
        (lambda root: save(root / "train" / "a.png"), "has no folders with images in them"),
        (lambda root: save(root / "val" / "a" / "a.png"), "has val/ but no train/"),
        (
            lambda root: (save(root / "train" / "a" / "a.png"), save(root / "val" / "b" / "b.png")),
            "has a class 'b', which",
        ),
        (lambda root: (save(root / "a" / "a.png"), (root / "b").mkdir()), "/b has no images, files that end"),
        (lambda root: (save(root / "a" / "a.png"), broken(root / "b" / "x.heic", b"")), "/b has no images"),
        (
            lambda root: (save(root / "train" / "a" / "a.png"), (root / "train" / "b").mkdir()),
            "train/b has no images",
        ),
        (
            lambda root: (save(root / "a" / "a.png"), link(root / "a" / "deep" / "b.png")),
            "deep/b.png is a link",
        ),
        (lambda root: (save(root / "a" / "a.png"), link(root / "b")), "/b is a link that leads nowhere"),
        (
            lambda root: (save(root / "a" / "a.png"), link(root / "b", "a")),
            "belong to both .*/a and .*/b; remove",
        ),
        (lambda root: (save(root / "a" / "a.png"), link(root / "b", ".")), "/b leads to .* the classes lie"),
        (
            lambda root: (save(root / "a" / "a.png"), link(root / "a" / "x", "..")),
            "a/x leads to .* the classes",
        ),
        (
            lambda root: (
                save(root / "a" / "a.png"),
                save(root / "b" / "deep" / "b.png"),
                link(root / "a" / "x", "../b/deep"),
            ),
            "images of .*/b/deep belong to both .*/a and .*/b; remove",
        ),
        (
            lambda root: (save(root / "train" / "a" / "a.png"), link(root / "val", "train")),
            "belong to both .*/train/a and .*/val/a; remove",
        ),
        (
            lambda root: (
                save(root / "train" / "a" / "a.png"),
                save(root / "test" / "a" / "b.png"),
                link(root / "train" / "a" / "more", "../../test/a"),
            ),
            "images of .*/test/a belong to both .*/train/a and .*/test/a",
        ),
        (lambda root: broken(root / "a" / "x.png", b"no image at all"), "x.png is no image that can be read"),
        (lambda root: torn(root / "a" / "x.png"), "x.png is damaged"),
    ],
)
def test_bad_folders_are_told_in_one_line(tmp_path: Path, make: Any, says: str) -> None:
    make(tmp_path)
    with pytest.raises(InvalidInputError, match=says) as caught:
        load_search_data(folder(tmp_path))
    assert "\n" not in str(caught.value)


def broken(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def link(path: Path, target: str = "nowhere") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def torn(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:1500])


@pytest.fixture
def plain_users_home() -> Iterator[Path]:
    """A folder of a user whom permissions hold back, as they do not the superuser."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        own = os.geteuid()
        if own == 0:
            os.seteuid(65534)
        try:
            (Path(name) / "images").mkdir()
            yield Path(name) / "images"
        finally:
            os.seteuid(own)


@pytest.mark.parametrize("unreadable", ["a", "a/deep", ""])
@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_folders_that_cannot_be_read_are_not_left_out(
    plain_users_home: Path, unreadable: str, mode: int
) -> None:
    for name in ("a/deep", "b", "c"):
        for i in range(4):
            save(plain_users_home / name / f"{i}.png")
    hidden = plain_users_home / unreadable
    hidden.chmod(mode)
    try:
        with pytest.raises(InvalidInputError, match="cannot be read: Permission denied") as caught:
            load_search_data(folder(plain_users_home))
    finally:
        hidden.chmod(0o777)
    assert str(hidden) in str(caught.value)


def test_names_that_begin_with_a_dot_and_empty_classes_to_validate_on_are_left_out(tmp_path: Path) -> None:
    for i in range(4):
        save(tmp_path / "train" / "a" / f"{i}.png", value=i)
        save(tmp_path / "train" / "b" / f"{i}.png", value=9 + i)
        save(tmp_path / "val" / "a" / f"{i}.png", value=20 + i)
    (tmp_path / "val" / "b").mkdir()
    (tmp_path / "train" / ".cache").mkdir()
    save(tmp_path / "train" / "a" / ".ipynb_checkpoints" / "0-checkpoint.png")
    link(tmp_path / "train" / ".#lock")
    link(tmp_path / "train" / "a" / "notes.txt")
    data = load_search_data(folder(tmp_path))
    assert (data.classes, len(data.train), len(data.val)) == (("a", "b"), 6, 4)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x.npz").touch()
    with pytest.raises(InvalidInputError, match=r"is a file, but .*; did you mean 'npz:.*x\.npz'\?"):
        load_search_data(folder(tmp_path / "x.npz"))
    with pytest.raises(InvalidInputError, match=r"^xxx.* cannot be read: File name too long"):
        load_search_data(DataConfig(source=f"imagefolder:{'x' * 5000}"))


@pytest.mark.parametrize("source", ["imagefolder:", "imagefolder:nowhere"])
def test_missing_folders(source: str) -> None:
    with pytest.raises(InvalidInputError, match="folder"):
        load_search_data(DataConfig(source=source))


def test_test_images_change_nothing_that_a_search_sees(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        for i in range(5):
            save(tmp_path / "train" / name / f"{i}.png", mode="L", value=i)
            save(tmp_path / "val" / name / f"{i}.png", mode="L", value=i)
            save(tmp_path / "test" / name / f"{i}.png", mode="L", value=i)
    before = load_search_data(folder(tmp_path))
    save(tmp_path / "test" / "dog" / "large.png", size=(40, 30))
    after = load_search_data(folder(tmp_path))
    assert after.fingerprint() == before.fingerprint()
    assert after.train.images.shape == (10, 9, 12, 1)
    assert load_held_out(folder(tmp_path)).test.images.shape == (11, 9, 12, 1)
    (tmp_path / "test" / "dog" / "no.png").write_text("not an image")
    with pytest.raises(InvalidInputError, match=r"no\.png"):
        load_search_data(folder(tmp_path))


@pytest.mark.parametrize(("kind", "place"), [("imagefolder", "PATH"), ("npz", "FILE")])
def test_images_that_were_moved_name_the_option_that_tells_where(
    tmp_path: Path, kind: str, place: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"--data {kind}:{place} tells where the images are"):
        load_search_data(DataConfig(source=f"{kind}:{tmp_path / 'moved'}"))
