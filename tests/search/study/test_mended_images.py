"""Image folders that are repaired after the start of a study."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from results.open import open_study
from space.core.errors import MgnasError
from tests.support.command_line import command, mgnas
from tests.support.studies import TINY
from tests.support.waiting import wait_until

ARGUMENTS = ["--data", "imagefolder:images", "--set", "data.memory_gib=0.0", "--dir", "study"]


def make(root: Path) -> None:
    rng = np.random.default_rng(0)
    for label in ("a", "b"):
        (root / "images" / label).mkdir(parents=True)
        for index in range(12):
            pixels = rng.integers(0, 256, (6, 7)).astype(np.uint8)
            Image.fromarray(pixels).save(root / "images" / label / f"{index}.bmp")
    text = TINY.format(epochs=2, trials=1, workers=1)
    (root / "tiny.toml").write_text(text, encoding="utf-8")


def search(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return mgnas("search", "tiny.toml", *ARGUMENTS, *arguments, cwd=root)


@pytest.mark.slow
def test_a_damaged_image_is_found_before_a_study_is_made(tmp_path: Path) -> None:
    make(tmp_path)
    bad = tmp_path / "images" / "a" / "5.bmp"
    whole = bad.read_bytes()
    bad.write_bytes(whole[:1090])
    done = search(tmp_path)
    assert done.returncode == 2
    assert "5.bmp is damaged" in done.stderr
    assert not (tmp_path / "study").exists()
    bad.write_bytes(whole)
    assert search(tmp_path).returncode == 0
    assert (tmp_path / "study" / "images.json").exists()


@pytest.mark.slow
def test_a_set_that_is_mended_before_any_result_is_that_of_the_study(tmp_path: Path) -> None:
    make(tmp_path)
    driver = subprocess.Popen(
        command("search", "tiny.toml", *ARGUMENTS), cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    wait_until(lambda: has_trials(tmp_path / "study"), "a trial", within=driver)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    (begun,) = open_study(tmp_path / "study").records
    assert begun.state == "running"
    before = open_study(tmp_path / "study").header.data["fingerprint"]
    Image.new("L", (7, 6), 99).save(tmp_path / "images" / "a" / "5.bmp")
    done = search(tmp_path)
    assert done.returncode == 0, done.stderr
    study = open_study(tmp_path / "study")
    assert study.header.data["fingerprint"] != before
    assert [record.state for record in study.records] == ["complete"]
    Image.new("L", (7, 6), 11).save(tmp_path / "images" / "a" / "5.bmp")
    refused = search(tmp_path, "--trials", "2")
    assert refused.returncode == 2
    assert "other images" in refused.stderr
    assert "name the place of the same images (--data)" in refused.stderr


def has_trials(folder: Path) -> bool:
    try:
        return bool(open_study(folder).records)
    except (MgnasError, OSError):
        return False
