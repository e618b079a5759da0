from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from results.export.preprocessing import Preprocessing
from search.prediction.inputs import CHUNK, Image, chunks
from trainers.data.image_files import ImageForm, read_pixels

GREY = Preprocessing((6, 8), 1, "grey", (0.5,), (0.5,), ("cat", "ñandú", "dog"))
COLOUR = Preprocessing((6, 8), 3, "RGB", (0.5,) * 3, (0.5,) * 3, ("cat", "ñandú", "dog"))


def picture(path: Path, brightness: int = 100, size: tuple[int, int] = (8, 6), mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Picture.new(mode, size, brightness if mode == "L" else (brightness,) * len(mode)).save(path)
    return path


def found(format_: Preprocessing, *arguments: str | Path) -> list[Image]:
    return [image for some in chunks([str(one) for one in arguments], format_) for image in some]


def faults(format_: Preprocessing, *arguments: str | Path) -> list[str]:
    return [image.fault for image in found(format_, *arguments)]


def test_folder_yields_its_images_sorted_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.png", "a/2.png", "a/1.JPG", ".hidden/c.png", "__MACOSX/d.png"):
        picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    names = [Path(image.name).relative_to(tmp_path).as_posix() for image in found(GREY, tmp_path)]
    assert names == ["b.png", "a/1.JPG", "a/2.png"]


@pytest.mark.parametrize("argument", ["photos", "photos/test", "photos/test/dog", "photos/test/dog/1.png"])
def test_folders_named_like_classes_are_labels(tmp_path: Path, argument: str) -> None:
    picture(tmp_path / "photos/test/dog/1.png")
    assert [image.label for image in found(GREY, tmp_path / argument)] == [2]


def test_folders_of_other_names_are_no_labels(tmp_path: Path) -> None:
    picture(tmp_path / "photos/bird/1.png")
    picture(tmp_path / "photos/n\u0303andu\u0301/1.png")  # decomposed, as macOS writes it
    assert [image.label for image in found(GREY, tmp_path / "photos")] == [None, 1]


def test_pixels_of_a_file_are_those_of_the_training(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    Picture.fromarray(generator.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    for format_, mode in ((GREY, "L"), (COLOUR, "RGB")):
        (image,) = found(format_, tmp_path / "a.png")
        expected = read_pixels(tmp_path / "a.png", ImageForm((6, 8), mode))
        np.testing.assert_array_equal(image.pixels, expected)


def test_unreadable_files_have_a_fault_and_the_others_pixels(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"no image")
    torn = picture(tmp_path / "c.png", size=(200, 200)).read_bytes()
    (tmp_path / "c.png").write_bytes(torn[: len(torn) // 2])
    picture(tmp_path / "d.png")
    images = found(GREY, tmp_path, tmp_path / "gone.png")
    assert [image.pixels is None for image in images] == [True, True, True, False, True]
    reasons = ["is empty", "is no image that can be read", "c.png", "", "there is no file"]
    for image, reason in zip(images, reasons, strict=True):
        assert reason in image.fault


def test_huge_image_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Picture, "MAX_IMAGE_PIXELS", 20)
    (fault,) = faults(GREY, picture(tmp_path / "a.png"))
    assert "has 48 pixels; the limit is 40" in fault


def test_files_for_a_network_of_many_channels_are_a_fault(tmp_path: Path) -> None:
    many = Preprocessing((6, 8), 5, "as in the arrays", (0.5,) * 5, (0.5,) * 5, ("a", "b"))
    (fault,) = faults(many, picture(tmp_path / "a.png"))
    assert "takes 5 channels" in fault


def test_folder_without_images_is_a_fault(tmp_path: Path) -> None:
    assert "holds no images" in faults(GREY, tmp_path)[0]


def test_archive_yields_images_and_labels(tmp_path: Path) -> None:
    images = np.arange(3 * 48, dtype=np.uint8).reshape(3, 6, 8)
    np.savez(tmp_path / "a.npz", x_test=images, y_test=np.array([2, 0, 1]), x=images[:1])
    np.savez(tmp_path / "b.npz", x=images[..., None], y=np.array(["dog", "cat", "cat"]))
    np.save(tmp_path / "c.npy", images[:1])
    yielded = found(GREY, tmp_path / "a.npz", tmp_path / "b.npz", tmp_path / "c.npy")
    assert [image.label for image in yielded] == [2, 0, 1, 2, 0, 0, None]
    assert yielded[1].name == f"{tmp_path / 'a.npz'}:x_test[1]"
    np.testing.assert_array_equal(yielded[1].pixels, images[1][..., None])


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"z": np.zeros(3)}, "must hold the array x_test or x, but it holds z"),
        ({"x": np.zeros((2, 8, 6), np.uint8)}, "H W C = 6 8 1, but got 2 x 8 x 6 x 1"),
        ({"x": np.zeros((2, 6, 8, 3), np.uint8)}, "but got 2 x 6 x 8 x 3"),
        ({"x": np.zeros((2, 6, 8), np.uint8), "y": np.zeros(3, int)}, "3 labels for 2 images"),
        ({"x": np.zeros((1, 6, 8), np.uint8), "y": np.array([3])}, "below the number of classes, 3"),
        ({"x": np.zeros((1, 6, 8), np.uint8), "y": np.array(["cow"])}, "names 'cow', which is no class"),
        ({"x": np.full((1, 6, 8), 900)}, "must be uint8"),
        ({"x": np.zeros((0, 6, 8), np.uint8)}, "x holds no images"),
        ({"x": np.zeros((1, 6, 8), np.uint8), "y": [2], "classes": ["a", "b"]}, "number of its classes, 2"),
        ({"x": np.zeros((1, 6, 8), np.uint8), "y": [1], "classes": ["cat", "cow"]}, "names 'cow'"),
    ],
)
def test_wrong_archive_is_a_fault(tmp_path: Path, arrays: dict[str, np.ndarray], reason: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    assert reason in faults(GREY, tmp_path / "a.npz")[0]


def test_labels_follow_the_class_names_of_the_archive(tmp_path: Path) -> None:
    images = np.zeros((3, 6, 8), np.uint8)
    np.savez(tmp_path / "a.npz", x=images, y=[0, 1, 0], classes=["dog", "cat"])
    assert [image.label for image in found(GREY, tmp_path / "a.npz")] == [2, 0, 2]


def test_named_pipes_are_faults_and_do_not_block(tmp_path: Path) -> None:
    for name in ("a.png", "b.npz"):
        os.mkfifo(tmp_path / name)
    for fault in faults(GREY, tmp_path, tmp_path / "b.npz"):
        assert "is no regular file" in fault


def test_torn_archive_is_a_fault(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 6, 8), np.uint8))
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:200])
    assert "cannot be read as arrays" in faults(GREY, tmp_path / "a.npz")[0]


def test_lists_of_images_are_bounded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2 * CHUNK + 1, 6, 8), np.uint8))
    assert [len(some) for some in chunks([str(tmp_path / "a.npy")], GREY)] == [CHUNK, CHUNK, 1]
