"""The output of a search before its first training."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.executors.slots import Slot
from search.study.config import StudyConfig
from search.study.opening import opening_lines
from search.study.places import device_text
from tests.search.study.test_faults import num_epochs
from tests.support.command_line import mgnas
from tests.support.studies import write_images, write_study
from tests.support.waiting import MOST_S, wait_until
from tests.support.warm_workers import command_with_warm_workers
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_search_data


def lines_of(data: DataConfig, **search: object) -> dict[str, str]:
    """Return the lines by what stands before their first colon."""
    config = StudyConfig.model_validate({"data": data.model_dump(), "search": search})
    images = load_search_data(config.data)
    space = config.search_space(
        in_channels=images.in_channels, num_classes=images.num_classes, image_size=images.image_size
    )
    slots = [Slot("cpu", threads=1)] * 2
    lines = opening_lines(config, Path("runs/x"), images, space, device_text(slots))
    return {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}


def write_folder(root: Path, num_classes: int, sizes: tuple[tuple[int, int], ...]) -> DataConfig:
    for number in range(num_classes):
        (root / f"c{number:02d}").mkdir(parents=True)
        for index in range(10 + number):
            size = sizes[index % len(sizes)]
            pixels = np.random.default_rng(index).integers(0, 255, (*size, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(root / f"c{number:02d}" / f"{index}.png")
    return DataConfig(source=f"imagefolder:{root}")


def test_opening_of_arrays_counts_images_and_classes(tmp_path: Path) -> None:
    file = write_images(tmp_path, classes=("cat", "dog"))
    lines = lines_of(DataConfig(source=f"npz:{file}", val_fraction=0.25), trials=7, hours=0.5)
    assert lines["study runs/x"].startswith("7 trials at most, within 0.5 hours, of ")
    assert lines["images"] == "96: 56 to train on, 20 to validate on, 20 held out for the test"
    assert lines["classes"] == "2 (images to train and validate on: 'cat' 38, 'dog' 38)"
    assert lines["size"] == "6 x 7, grey, as stored"
    assert lines["device"] == "cpu, 2 workers, each with 1 thread"
    assert "networks, " in lines["space"]
    assert lines["space"].endswith(" parameters")


def test_opening_of_folders_says_how_images_are_resized_and_shortens_many_classes(tmp_path: Path) -> None:
    lines = lines_of(write_folder(tmp_path / "many", 12, ((20, 30), (40, 8))))
    assert lines["classes"].startswith("12 (images to train and validate on: from 8 of 'c00' to 17 of 'c11'")
    assert lines["size"].startswith("64 x 64, RGB; files of another size are scaled to cover it and cropped")
    assert "--set data.image_size=PIXELS" in lines["size"]


def test_opening_names_gpus_and_threads() -> None:
    assert device_text([Slot("cuda", gpu=0), Slot("cuda", gpu=1), Slot("cuda", gpu=0)]) == (
        "2 CUDA GPUs, 3 workers"
    )
    assert device_text([Slot("cpu", threads=4)]) == "cpu, 1 worker with 4 threads"


@pytest.mark.slow
def test_status_of_a_running_search_lists_trainings_rate_and_time_left(tmp_path: Path) -> None:
    write_study(tmp_path, trials=50, epochs=400, images=400)
    arguments = command_with_warm_workers("search", "tiny.toml", "--hours", "0.5")
    with subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as driver:
        try:
            wait_until(lambda: num_epochs(tmp_path), "an epoch", within=driver)
            facts = json.loads(mgnas("status", "runs/tiny", "--json", cwd=tmp_path).stdout)
            text = mgnas("status", "runs/tiny", cwd=tmp_path).stdout
        finally:
            driver.send_signal(signal.SIGTERM)
            _, stderr = driver.communicate(timeout=MOST_S)
    assert 1 <= len(facts["running_trials"]) == facts["running"] <= 2
    one = facts["running_trials"][0]
    assert (one["max_epochs"], one["params"] > 0, one["epochs"] >= 0) == (400, True, True)
    assert facts["epochs_per_min"] > 0
    assert facts["left_s"] > 1
    assert f"trial {one['trial']}: epoch " in text
    assert "epochs/h" in text
    assert "time left" in text
    before, _, after = stderr.partition("starting 2 workers")
    for word in ("images: 400", "classes: 2", "size: 6 x 7", "space: ", "device: cpu"):
        assert word in before
    assert "trial 0 started: " in after
    assert "expected duration: about " in after
    later = json.loads(mgnas("status", "runs/tiny", "--json", cwd=tmp_path).stdout)
    assert "running_trials" not in later
    assert later["interrupted"] == facts["running"]
