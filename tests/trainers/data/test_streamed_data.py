"""Streamed images: the same batches and curves as in memory, in the same order."""

from __future__ import annotations

import gc
import re
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from space.core.errors import InvalidInputError
from space.notation.parse import parse_notation
from tests.support.stripes import CPU, RECIPE, SPEC
from tests.support.waiting import MOST_S
from trainers.checkpoint import CheckpointFile
from trainers.data.config import DataConfig
from trainers.data.device_data import DeviceData, ResidentData
from trainers.data.epoch_plan import plan_epoch
from trainers.data.image_store import StoredImages
from trainers.data.load_splits import load_search_data
from trainers.data.open_data import open_data
from trainers.data.streamed_data import BATCHES_AHEAD, Rows, StreamedData
from trainers.training import Training


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of 40 noisy images, 6 x 7 pixels."""
    root = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name, rows in (("rows", slice(None, None, 2)), ("columns", (slice(None), slice(None, None, 2)))):
        (root / name).mkdir()
        for index in range(40):
            pixels = rng.integers(0, 100, (6, 7))
            pixels[rows] += 100
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{index}.png")
    return root


@pytest.fixture(scope="module", params=[0, 2], ids=["no thread", "two threads"])
def streamed(request: pytest.FixtureRequest, folder: Path) -> DeviceData:
    config = DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0, reader_threads=request.param)
    data = open_data(config, CPU)
    assert isinstance(data, StreamedData)
    return data


def resident_twin(folder: Path) -> ResidentData:
    return ResidentData(load_search_data(DataConfig(source=f"imagefolder:{folder}")), CPU)


def test_large_folders_stay_on_disk_and_small_ones_do_not(folder: Path) -> None:
    source = f"imagefolder:{folder}"
    assert isinstance(load_search_data(DataConfig(source=source)).train.images, np.ndarray)
    stored = load_search_data(DataConfig(source=source, memory_gib=1e-6)).train.images
    assert isinstance(stored, StoredImages)
    of_many = load_search_data(DataConfig(source=source), memory_share=1e-12)  # one of very many workers
    assert isinstance(of_many.train.images, StoredImages)
    assert stored.shape == (52, 6, 7, 1)


def test_batches_and_statistics_are_those_of_images_in_memory(streamed: DeviceData, folder: Path) -> None:
    twin = resident_twin(folder)
    assert torch.equal(streamed.mean, twin.mean)
    plan = plan_epoch(len(twin.train_labels), RECIPE, seed=1, epoch=1)
    for one, other in zip(
        streamed.train_batches(plan, RECIPE), twin.train_batches(plan, RECIPE), strict=True
    ):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.targets, other.targets)
    for one, other in zip(streamed.val_batches(5), twin.val_batches(5), strict=True):
        assert torch.equal(one.images, other.images)


def test_curves_are_the_same(streamed: DeviceData, folder: Path) -> None:
    curves = [
        [(r.train_loss, r.val_loss) for r in Training(SPEC, data, RECIPE, seed=0).epochs()]
        for data in (streamed, resident_twin(folder))
    ]
    assert curves[0] == curves[1]


@pytest.mark.parametrize("num_readers", [0, 1])
def test_dropout_is_the_same_too_and_after_a_stop(folder: Path, tmp_path: Path, num_readers: int) -> None:
    spec = parse_notation("MgNet[1,1]-4-B^l-dropout=0.3", in_channels=1, num_classes=2)
    config = DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0, reader_threads=num_readers)
    whole = [r.train_loss for r in Training(spec, resident_twin(folder), RECIPE, seed=0).epochs()]
    file = CheckpointFile(tmp_path / "c", "id")
    list(Training(spec, open_data(config, CPU), RECIPE, seed=0, checkpoint=file).epochs(until=2))
    resumed = Training(spec, open_data(config, CPU), RECIPE, seed=0, checkpoint=file)
    list(resumed.epochs())
    assert [r.train_loss for r in resumed.reports] == whole


def test_the_fingerprint_does_not_depend_on_where_images_lie(folder: Path) -> None:
    config = DataConfig(source=f"imagefolder:{folder}")
    lying = [load_search_data(config), load_search_data(config.model_copy(update={"memory_gib": 0.0}))]
    assert lying[0].fingerprint() == lying[1].fingerprint()
    other_split = load_search_data(config.model_copy(update={"split_seed": 1}))
    assert other_split.fingerprint() != lying[0].fingerprint()


def test_arrays_can_be_streamed_too(data: ResidentData) -> None:
    streamed = StreamedData(data.search_data, CPU, num_readers=0)
    losses = [next(Training(SPEC, each, RECIPE, seed=0).epochs()).val_loss for each in (streamed, data)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("num_readers", [0, 1])
def test_a_file_that_is_damaged_later_is_named(folder: Path, tmp_path: Path, num_readers: int) -> None:
    search_data = load_search_data(DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0))
    images = search_data.train.images
    assert isinstance(images, StoredImages)
    bad = tmp_path / "bad\nfile: it.png"
    bad.write_bytes(images.paths[0].read_bytes()[:60])
    changed = StoredImages((bad, *images.paths[1:]), images.form)
    data = StreamedData(search_data, CPU, num_readers)
    data.search_data = replace(search_data, train=replace(search_data.train, images=changed))
    with pytest.raises(InvalidInputError, match=rf"^{re.escape(str(bad))} is (damaged|no image)"):
        list(Training(SPEC, data, RECIPE, seed=0).epochs())


def test_a_stop_within_an_epoch_cancels_what_was_to_be_read(folder: Path) -> None:
    config = DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0)
    data = StreamedData(load_search_data(config), CPU, num_readers=1)
    expected = next(ResidentData(load_search_data(config), CPU).val_images(2))
    for _ in range(3):
        batches = data.val_images(2)
        assert torch.equal(next(batches), expected)
        batches.close()
    assert data._readers is not None
    assert data._readers._work_queue.qsize() <= 3 * BATCHES_AHEAD
    assert sum(len(batch) for batch in data.val_images(2)) == len(data.val_labels)


def test_batches_are_read_ahead_and_no_further(folder: Path) -> None:
    search_data = load_search_data(DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0))
    data = StreamedData(search_data, CPU, num_readers=2)
    loaded: list[int] = []

    def load(rows: Rows) -> torch.Tensor:
        loaded.append(int(rows[0]))
        return torch.from_numpy(rows)

    batches = data._read(load, [np.array([number]) for number in range(50)])
    assert int(next(batches)) == 0
    batches.close()
    assert 0 < len(loaded) <= 2 * BATCHES_AHEAD + 1


def test_readers_end_with_their_data(folder: Path) -> None:
    data = StreamedData(
        load_search_data(DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0)), CPU, num_readers=2
    )
    list(data.val_images(2))
    assert data._readers is not None
    threads = set(data._readers._threads)
    assert threads
    del data
    gc.collect()
    for thread in threads:
        thread.join(MOST_S)
        assert not thread.is_alive()


def test_threads_that_cannot_be_started_are_told_in_one_line(folder: Path) -> None:
    config = DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0)
    data = StreamedData(load_search_data(config), CPU, num_readers=1)
    usual = threading.stack_size(2**46)  # more than a process can have
    try:
        with pytest.raises(InvalidInputError, match=r"^a thread .* cannot be started: .*reader_threads = 0"):
            next(data.val_images(4))
    finally:
        threading.stack_size(usual)


def test_threads_leave_the_filters_of_warnings_as_they_were(folder: Path) -> None:
    """``warnings.catch_warnings`` of several threads would restore each other's filters."""
    images = load_search_data(DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0)).train.images
    before = list(warnings.filters)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: images[:], range(24)))
    assert list(warnings.filters) == before


def test_the_fingerprint_knows_files_of_the_same_size(tmp_path: Path) -> None:
    def fingerprint() -> str:
        return load_search_data(DataConfig(source=f"imagefolder:{tmp_path}")).fingerprint()

    def write(shade: int) -> None:
        for name in ("a", "b"):
            (tmp_path / name).mkdir(exist_ok=True)
            for index in range(6):
                Image.new("L", (5, 5), shade + index).save(tmp_path / name / f"{index}.bmp")

    write(0)
    first = fingerprint()
    write(0)
    assert fingerprint() == first
    write(9)
    assert fingerprint() != first


def test_the_fingerprint_knows_files_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    def fingerprint(root: Path) -> str:
        return load_search_data(DataConfig(source=f"imagefolder:{root}", memory_gib=0.0)).fingerprint()

    first = fingerprint(folder)
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("rows", "columns"):
        (moved / name).symlink_to(folder / name)
    assert fingerprint(moved) == first
    (moved / "rows").unlink()
    (moved / "rows").mkdir()
    for file in (folder / "rows").iterdir():
        (moved / "rows" / file.name).write_bytes(file.read_bytes() + b"x")
    assert fingerprint(moved) != first
