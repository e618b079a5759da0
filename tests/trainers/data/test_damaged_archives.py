"""Altered, truncated or invented archives: each loads or gives a one-line error about damage."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from space.core.errors import InvalidInputError
from tests.support.waiting import MOST_S
from tests.trainers.data.test_data import X, Y, images, labels, npz
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(fields: str) -> bytes:
    text = fields.encode("latin-1").ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def corrupted(data: bytes, rng: random.Random) -> bytes:
    """Return ``data`` with up to four bytes changed, most of them in front, or cut off somewhere."""
    if rng.random() < 0.2:
        return data[: rng.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(data) if rng.random() < 0.5 else min(200, len(data)))] = rng.randrange(256)
    return bytes(changed)


def load_or_one_line(file: Path) -> bool:
    """Return whether the archive still loads; where it does not, there is one line that names it."""
    try:
        load_search_data(DataConfig(source=f"npz:{file}"))
    except InvalidInputError as error:
        message = str(error)
    else:
        return True
    assert str(file) in message
    assert len(message.splitlines()) == 1
    return False


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_random_corruption_is_one_line(tmp_path: Path, save: Any) -> None:
    """Of the file, and of the arrays in it: there no checksum is in the way, and all else must hold."""
    rng, file = random.Random(0), tmp_path / "x.npz"
    arrays = {"x_train": images(12, (3, 2)), "y_train": labels(12), "classes": np.array(["a", "b", "c"])}
    save(file, **arrays)
    whole = file.read_bytes()
    outcomes = []
    for _ in range(300):
        file.write_bytes(corrupted(whole, rng))
        outcomes.append(load_or_one_line(file))
    for _ in range(300):
        name = rng.choice(list(arrays))
        with zipfile.ZipFile(file, "w") as archive:
            for key, array in arrays.items():
                archive.writestr(f"{key}.npy", corrupted(npy(array), rng) if key == name else npy(array))
        outcomes.append(load_or_one_line(file))
    assert 10 < sum(outcomes) < len(outcomes) / 2


@pytest.mark.parametrize(
    "damaged",
    [
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999, 4, 4)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (((((((("),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': 'x}"),
        header("{'descr': ',', 'fortran_order': False, 'shape': (1,)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (12, 3, 2), 0x: 1or 2}"),
        b"",
    ],
)
def test_absurd_headers(tmp_path: Path, damaged: bytes) -> None:
    file = tmp_path / "x.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x_train.npy", damaged)
        archive.writestr("y_train.npy", npy(Y))
    assert not load_or_one_line(file)


def test_encrypted_archives(tmp_path: Path) -> None:
    file = tmp_path / "x.npz"
    np.savez(file, x_train=X, y_train=Y)
    data = bytearray(file.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1  # the flag of the first member, in both places
    file.write_bytes(data)
    with pytest.raises(InvalidInputError, match="encrypted"):
        load_search_data(DataConfig(source=f"npz:{file}"))


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (
            {"y_train": np.full(12, 2**64 - 1, np.uint64)},
            "whole numbers from 0, but got 18446744073709551615",
        ),
        ({"y_train": Y.astype("m8[s]")}, "whole numbers from 0, but got timedelta64"),
        ({"classes": np.array(["a", "b", "a"])}, "different names, but the labels 0 and 2 are both 'a'"),
        ({"classes": np.array(["", "", ""])}, "classes must have names, but that of label 0 is empty"),
        ({"classes": np.array(["a", "b", " "])}, "classes must have names, but that of label 2 is empty"),
        ({"classes": np.array([b"a", b"\xff", b"c"])}, "classes must be names in UTF-8 text"),
        ({"classes": np.array(["a", "b", "\ud800"])}, "classes must be names in UTF-8 text"),
        ({"classes": np.full(3, 2**30, np.uint32).view("U1")}, "classes must be names in UTF-8 text"),
    ],
)
def test_odd_labels_and_names(tmp_path: Path, arrays: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        load_search_data(npz(tmp_path, **{"x_train": X, "y_train": Y} | arrays))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda file: file.mkdir(), r"x\.npz is a folder, but .*; did you mean 'imagefolder:.*x\.npz'\?"),
        (lambda file: file.write_text("some text"), r"x\.npz is no \.npz file, whatever its name says"),
        (lambda file: file.touch(), r"x\.npz is no \.npz file"),
        (lambda file: np.savez(file, images=X, labels=Y), r"no array x_train \(it has images, labels\)"),
        (lambda file: np.savez(file), r"no array x_train \(it has nothing\)"),
        (lambda _file: None, r"there is no file .*x\.npz"),
    ],
)
def test_what_is_no_archive_of_images_is_said(tmp_path: Path, make: Any, says: str) -> None:
    make(tmp_path / "x.npz")
    with pytest.raises(InvalidInputError, match=says):
        load_search_data(DataConfig(source=f"npz:{tmp_path / 'x.npz'}"))


LIMITED = """
import resource, sys
from space.core.errors import InvalidInputError
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 100 * 2**20,) * 2)
try:
    load_search_data(DataConfig(source="npz:" + sys.argv[1]))
except InvalidInputError as error:
    print(error)
"""


def test_memory_that_does_not_suffice_is_no_damage(tmp_path: Path) -> None:
    file = tmp_path / "x.npz"
    np.savez_compressed(file, x_train=np.zeros((200, 2**10, 2**10), np.uint8), y_train=np.arange(200) % 2)
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(file)],
        capture_output=True,
        text=True,
        timeout=MOST_S,
        check=False,
    )
    assert "memory does not suffice for x_train, which takes 200 MiB: end other programs" in run.stdout
