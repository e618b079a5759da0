"""Images that are not kept in memory: the same batches, the same curves, in the same order."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from space.core.errors import InvalidInputError
from space.notation.parse import parse_notation
from tests.support.stripes import CPU, RECIPE, SPEC
from trainers.checkpoint import CheckpointFile
from trainers.data.device_data import DeviceData, ResidentData
from trainers.data.epoch_plan import plan_epoch
from trainers.data.image_store import StoredImages
from trainers.data.open_data import open_data
from trainers.data.splits import DataConfig, SearchData, load_search_data
from trainers.data.streamed_data import LoaderLostError, StreamedData
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


@pytest.fixture(scope="module", params=[0, 2], ids=["no process", "two processes"])
def streamed(request: pytest.FixtureRequest, folder: Path) -> DeviceData:
    config = DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0, loader_workers=request.param)
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


@pytest.mark.parametrize("num_workers", [0, 1])
def test_dropout_is_the_same_too_and_after_a_stop(folder: Path, tmp_path: Path, num_workers: int) -> None:
    spec = parse_notation("MgNet[1,1]-4-B^l-dropout=0.3", in_channels=1, num_classes=2)
    config = DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0, loader_workers=num_workers)
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
    streamed = StreamedData(data.search_data, CPU, num_workers=0)
    losses = [next(Training(SPEC, each, RECIPE, seed=0).epochs()).val_loss for each in (streamed, data)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("num_workers", [0, 1])
def test_a_file_that_is_damaged_later_is_named(folder: Path, tmp_path: Path, num_workers: int) -> None:
    search_data = load_search_data(DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0))
    images = search_data.train.images
    assert isinstance(images, StoredImages)
    bad = tmp_path / "bad\nfile: it.png"
    bad.write_bytes(images.paths[0].read_bytes()[:60])
    changed = StoredImages((bad, *images.paths[1:]), images.form)
    train = type(search_data.train)(images, search_data.train.labels)
    broken = SearchData("broken", search_data.classes, train, search_data.val)
    data = StreamedData(broken, CPU, num_workers)
    data._loader.dataset._images["train"] = changed  # type: ignore[attr-defined]
    with pytest.raises(InvalidInputError, match=rf"^{re.escape(str(bad))} is (damaged|no image)"):
        list(Training(SPEC, data, RECIPE, seed=0).epochs())


@pytest.mark.parametrize("num_workers", [1, 2])
def test_a_reader_that_is_killed_is_told_in_one_line(folder: Path, num_workers: int) -> None:
    """Also in the middle of batches that are much larger than a pipe."""
    config = DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0, image_size=(96, 96))
    before = set(multiprocessing.active_children())
    data = StreamedData(load_search_data(config), CPU, num_workers)
    batches = data._stream([("train", np.arange(16))] * 10_000)
    next(batches)
    readers = sorted(set(multiprocessing.active_children()) - before, key=lambda reader: reader.pid or 0)
    assert len(readers) == num_workers
    threading.Timer(0.5, lambda: os.kill(int(readers[0].pid or 0), signal.SIGKILL)).start()
    with pytest.raises(LoaderLostError, match="a process that reads images was killed"):
        list(itertools.islice(batches, 10_000))


READING = """
from trainers.data.splits import DataConfig, load_search_data
from trainers.data.streamed_data import StreamedData
import multiprocessing, sys, time, torch

if __name__ == "__main__":
    config = DataConfig(source=f"imagefolder:{sys.argv[1]}", memory_gib=0.0)
    data = StreamedData(load_search_data(config), torch.device("cpu"), num_workers=1)
    next(data.val_images(4))
    print(multiprocessing.active_children()[0].pid, flush=True)
    time.sleep(600)
"""


def test_readers_end_with_a_driver_that_is_killed(folder: Path, tmp_path: Path) -> None:
    """They would keep its memory, and its output open, for ever."""
    script = tmp_path / "reading.py"
    script.write_text(READING, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, script, folder],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    ) as driver:
        assert driver.stdout is not None
        reader = int(driver.stdout.readline())
        assert is_running(reader)
        driver.kill()
        assert driver.stdout.read() == ""  # which ends when nobody can write there any more
    deadline = time.monotonic() + 30
    while is_running(reader) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_running(reader)


def is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def test_a_reader_without_shared_memory_sends_batches_another_way(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of which containers have little: torch finds out where nobody hears of it."""
    config = DataConfig(source=f"imagefolder:{folder}", memory_gib=0.0)
    parts = StreamedData(load_search_data(config), CPU, num_workers=1)._loader.dataset
    key = ("train", np.arange(3))
    here = parts[key]
    monkeypatch.setattr("trainers.data.streamed_data.get_worker_info", lambda: "in a reader")
    shared = parts[key]
    assert shared.is_shared()
    assert not here.is_shared()

    def no_room(_self: torch.Tensor) -> None:
        raise RuntimeError("unable to allocate shared memory(shm): No space left on device (28)")

    monkeypatch.setattr(torch.Tensor, "share_memory_", no_room)
    sent = pickle.loads(pickle.dumps(parts[key]))
    assert torch.equal(torch.from_numpy(sent.array), here)
    assert torch.equal(shared, here)


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
