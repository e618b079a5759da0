"""The images that the driver sends to nodes."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.executors.ray import image_files
from search.executors.ray.image_files import Contents, at_place, contents_of, list_files, packed, unpack
from search.executors.ray.node_cache import node_cache
from space.core.errors import InvalidInputError
from tests.support.studies import write_images
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data


def write_folder(root: Path) -> Path:
    for name in ("cat", "dog"):
        for index in range(8):
            file = root / "pets" / name / f"{index}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(index).integers(0, 255, (8, 8, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(file)
    return root / "pets"


def parcel_of(config: DataConfig) -> tuple[Contents, list[bytes]]:
    files = list_files(config)
    chunks = list(packed(files))
    return contents_of(files, [hashlib.sha256(chunk).hexdigest() for chunk in chunks]), chunks


@pytest.fixture(params=["npz", "imagefolder"])
def config(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataConfig:
    monkeypatch.setattr(image_files, "CHUNK_BYTES", 1000)
    if request.param == "npz":
        return DataConfig(source=f"npz:{write_images(tmp_path)}")
    return DataConfig(source=f"imagefolder:{write_folder(tmp_path)}")


def test_unpacked_images_have_the_fingerprint_and_the_name_of_the_driver(
    config: DataConfig, tmp_path: Path
) -> None:
    contents, chunks = parcel_of(config)
    assert len(chunks) > 1
    folder = unpack(contents, chunks, tmp_path / "node")
    ours, theirs = load_search_data(config), load_search_data(at_place(config, folder))
    assert theirs.fingerprint() == ours.fingerprint()
    assert theirs.name == ours.name


def test_a_node_unpacks_once_also_if_its_workers_start_together(config: DataConfig, tmp_path: Path) -> None:
    contents, chunks = parcel_of(config)
    read: list[int] = []

    def counted() -> Iterator[bytes]:
        read.append(1)
        yield from chunks

    threads = [
        threading.Thread(target=lambda: unpack(contents, counted(), tmp_path / "node")) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 1


def test_an_interrupted_unpacking_starts_again(config: DataConfig, tmp_path: Path) -> None:
    contents, chunks = parcel_of(config)
    with pytest.raises(ValueError, match="changed while it was sent"):
        unpack(contents, chunks[:-1], tmp_path / "node")
    folder = unpack(contents, chunks, tmp_path / "node")
    names = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert names == {name for name, _ in contents.files}


@pytest.mark.parametrize("name", ["../outside", "/outside", "a/../../outside"])
def test_unpack_refuses_names_outside_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no path inside"):
        unpack(Contents(((name, 1),), "0" * 32), [b"x"], tmp_path)
    assert not list(tmp_path.rglob("outside"))


def test_names_of_files_are_part_of_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x")
    digests = {contents_of([(file, name)], ["0"]).digest for name in ("a", "b")}
    assert len(digests) == 2


def test_cache_of_a_node_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert node_cache().stat().st_mode & 0o077 == 0


def test_cache_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / f"mgnas-{os.getuid()}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInputError, match="belongs to another user"):
        node_cache()
