"""``mgnas train``: one network, its files, going on after a stop, and wrong values."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import statistics
import subprocess
import time
from pathlib import Path

import pytest

from search.train_command import figure, floating_point
from space.modules import Classifier
from tests.search.studies import command, mgnas, write_images

NETWORK = "MgNet[1,1]-4-B^l"
SAME_MODE = ("--set", "train.precision=float32", "--set", "execution.channels_last=true")
"""Two folders are calibrated separately: what is fastest must not decide here."""
ARGUMENTS = ("train", NETWORK, "--data", "npz:images.npz", "--to", "one")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("train")
    write_images(home)
    run = mgnas(*ARGUMENTS, "--epochs", "3", "--seeds", "2", "--seed", "5", cwd=home)
    assert run.returncode == 0, run.stderr
    assert "2 trainings of 3 epochs" in run.stdout
    assert "mean and deviation of" in run.stdout
    assert re.search(r"[\d.]+ [kM]FLOP each; \d+ s of training in all", run.stdout)
    assert "MiB at most, of the whole process" in run.stdout
    assert "epochs 3/6, seed 5" in run.stderr
    assert run.stderr.count("measuring speed and latency") == 2
    return home


def test_the_folder_holds_curves_weights_and_a_summary(trained: Path) -> None:
    folder = trained / "one"
    assert not list(folder.glob(".*.part"))
    rows = list(csv.DictReader((folder / "curve.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["seed"], row["epoch"]) for row in rows] == [(s, e) for s in "56" for e in "123"]
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    last = [float(row["val_accuracy"]) for row in rows if row["epoch"] == "3"]
    assert summary["mean"] == pytest.approx(statistics.fmean(last))
    assert summary["deviation"] == pytest.approx(statistics.stdev(last))
    for seed, accuracy in zip((5, 6), last, strict=True):
        classifier = Classifier.load(folder / f"seed-{seed}.safetensors")
        assert classifier.trained.val_accuracy == accuracy
        assert classifier.trained.seed == seed
    measured = summary["seeds"][0]["measured"]
    assert measured["images_per_s"] > 0
    assert 0 < measured["first_step_s"] < 60
    assert measured["macs_per_s"] == pytest.approx(measured["images_per_s"] * summary["macs"] * 3)
    assert [entry["batch_size"] for entry in summary["seeds"][0]["latency"]] == [1, 256]
    assert set(summary["seeds"][0]["class_accuracies"]) == {"0", "1"}
    assert (folder / "curve.svg").read_text(encoding="utf-8").count("<polyline") == 3
    assert not list(folder.glob("*.checkpoint*"))


def test_finished_seeds_are_kept_and_more_are_added(trained: Path) -> None:
    before = (trained / "one" / "seed-5.json").read_bytes()
    run = mgnas(*ARGUMENTS, "--epochs", "3", "--seeds", "3", "--seed", "5", "--json", cwd=trained)
    assert run.returncode == 0, run.stderr
    document = json.loads(run.stdout)
    assert [seed["seed"] for seed in document["seeds"]] == [5, 6, 7]
    assert (trained / "one" / "seed-5.json").read_bytes() == before


def test_images_may_move_and_are_known_again(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "elsewhere")
    other = tmp_path / "elsewhere"
    (other / "images.npz").rename(other / "moved.npz")
    moved = [text.replace("images.npz", "moved.npz") for text in ARGUMENTS]
    run = mgnas(*moved, "--epochs", "3", "--seeds", "3", "--seed", "5", cwd=other)
    assert run.returncode == 0, run.stderr
    assert "is complete: 3 trainings, all finished before" in run.stdout
    assert "moved.npz" in (other / "one" / "train.toml").read_text(encoding="utf-8")


def test_a_folder_is_for_one_network_and_recipe(trained: Path) -> None:
    other = mgnas(*ARGUMENTS, "--epochs", "4", cwd=trained)
    assert other.returncode == 2
    assert "another network or recipe (train.toml differs)" in other.stderr
    there = mgnas("train", NETWORK, "--data", "npz:images.npz", "--to", ".", cwd=trained)
    assert there.returncode == 2
    assert "holds something else" in there.stderr


def test_what_is_complete_says_so(trained: Path) -> None:
    folder = trained / "one"
    before = {file: file.read_bytes() for file in folder.glob("seed-*")}
    run = mgnas(*ARGUMENTS, "--epochs", "3", "--seeds", "2", "--seed", "5", cwd=trained)
    assert run.stdout.startswith("one is complete: 2 trainings, all finished before\n")
    assert "measuring" not in run.stderr
    assert {file: file.read_bytes() for file in folder.glob("seed-*")} == before


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_stop_changes_nothing(tmp_path: Path, blow: signal.Signals) -> None:
    write_images(tmp_path, 3000)
    arguments = (
        "train",
        NETWORK,
        "--data",
        "npz:images.npz",
        "--epochs",
        "8",
        "--set",
        "execution.threads=1",
        *SAME_MODE,
    )
    assert mgnas(*arguments, "--to", "calm", cwd=tmp_path).returncode == 0
    with subprocess.Popen(
        command(*arguments, "--to", "stopped"), cwd=tmp_path, stderr=subprocess.PIPE, text=True
    ) as running:
        checkpoint = tmp_path / "stopped" / "seed-0.checkpoint.previous"
        deadline = time.monotonic() + 60
        while not checkpoint.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(blow)
        _, stderr = running.communicate(timeout=30)
    assert running.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(blow, -blow)
    assert "Traceback" not in stderr
    if blow != signal.SIGKILL:
        assert "Go on with the same command" in stderr
    assert mgnas(*arguments, "--to", "stopped", cwd=tmp_path).returncode == 0
    weights = [(tmp_path / name / "seed-0.safetensors").read_bytes() for name in ("calm", "stopped")]
    assert weights[0] == weights[1]
    curves = [
        [
            report["val_loss"]
            for report in json.loads((tmp_path / name / "seed-0.json").read_text())["reports"]
        ]
        for name in ("calm", "stopped")
    ]
    assert curves[0] == curves[1]


def test_two_commands_do_not_share_a_folder(tmp_path: Path) -> None:
    write_images(tmp_path, 3000)
    with subprocess.Popen(
        command(*ARGUMENTS, "--epochs", "1000"), cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as running:
        try:
            while not (tmp_path / "one" / "train.toml").exists():
                time.sleep(0.05)
            second = mgnas(*ARGUMENTS, "--epochs", "1000", cwd=tmp_path)
        finally:
            running.kill()
    assert second.returncode == 2
    assert "another training is running in one" in second.stderr


def test_a_network_for_other_images_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path)
    spec = mgnas("describe", NETWORK, "--json", cwd=tmp_path)
    (tmp_path / "net.json").write_text(json.dumps(json.loads(spec.stdout)["spec"]), encoding="utf-8")
    run = mgnas("train", "net.json", "--data", "npz:images.npz", cwd=tmp_path)
    assert run.returncode == 2
    assert "net.json is for 3 channels, but images has 1" in run.stderr


def test_balanced_accuracy_is_reported_if_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path)
    run = mgnas(
        *ARGUMENTS, "--epochs", "2", "--set", "train.metric=balanced_accuracy", "--json", cwd=tmp_path
    )
    (seed,) = json.loads(run.stdout)["seeds"]
    assert seed["val_accuracy"] == pytest.approx(statistics.fmean(seed["class_accuracies"].values()))


def test_figures_are_in_units_that_can_be_read() -> None:
    assert [floating_point(pflop) for pflop in (2.92e-6, 1.5e-3, 12.34, 1e-9, 1e-16)] == [
        "2.92 GFLOP",
        "1.5 TFLOP",
        "12.3 PFLOP",
        "1 MFLOP",
        "0.1 FLOP",
    ]
    assert [figure(ms) for ms in (1030.2, 99.96, 99.94, 0.01234)] == ["1,030", "100", "99.9", "0.0123"]
