"""``mgnas train``: a study of named networks, its files, resuming after a stop, and wrong values."""

from __future__ import annotations

import csv
import json
import re
import shutil
import signal
import statistics
import subprocess
from pathlib import Path

import pytest

from results.open import open_study
from search.cli.train import floating_point
from space.modules import Classifier
from tests.support.command_line import mgnas
from tests.support.studies import write_images, write_study
from tests.support.waiting import MOST_S, wait_until
from tests.support.warm_workers import command_with_warm_workers

NETWORK = "MgNet[1,1]-4-B^l"
OTHER = "MgNet[1,1]-5-B^l"
SAME_MODE = ("--set", "train.precision=float32", "--set", "execution.channels_last=true")
"""Two folders are calibrated separately: what is fastest must not decide here."""
ARGUMENTS = ("train", NETWORK, "--data", "npz:images.npz", "-o", "one")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("train")
    write_images(home)
    run = mgnas(*ARGUMENTS, "--epochs", "3", "--seeds", "2", "--seed", "5", cwd=home)
    assert run.returncode == 0, run.stderr
    assert "2 trainings of 3 epochs" in run.stdout
    assert "mean and deviation of" in run.stdout
    assert re.search(r"[\d.]+ [kM]FLOP each; \d+ s of training in all", run.stdout)
    assert "MiB at most, of a worker" in run.stdout
    assert run.stdout.endswith("export: mgnas export one\n")
    assert "2/2" in run.stderr
    return home


def test_the_folder_is_a_study_with_curves_and_weights(trained: Path) -> None:
    folder = trained / "one"
    assert not list(folder.glob(".*.part"))
    rows = list(csv.DictReader((folder / "curves.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["seed"], row["epoch"]) for row in rows] == [(s, e) for s in "56" for e in "123"]
    last = [float(row["val_accuracy"]) for row in rows if row["epoch"] == "3"]
    study = open_study(folder)
    assert [(record.seed, record.val_accuracy) for record in study.records] == [(5, last[0]), (6, last[1])]
    assert study.header.plan == ((NETWORK, 5), (NETWORK, 6))
    for record in study.records:
        classifier = Classifier.load(folder / str(record.weights))
        assert classifier.trained.val_accuracy == record.val_accuracy
        assert classifier.trained.seed == record.seed
    (picture,) = folder.glob("curve-*.svg")
    assert picture.read_text(encoding="utf-8").count("<polyline") == 3
    assert not list(folder.glob("checkpoints/*.checkpoint*"))


def test_figures_are_those_of_the_ledger(trained: Path) -> None:
    run = mgnas(*ARGUMENTS, "--epochs", "3", "--seeds", "2", "--seed", "5", "--json", cwd=trained)
    document = json.loads(run.stdout)
    (network,) = document["networks"]
    study = open_study(trained / "one")
    accuracies = [record.val_accuracy for record in study.records]
    assert network["mean"] == pytest.approx(statistics.fmean(accuracies))
    assert network["deviation"] == pytest.approx(statistics.stdev(accuracies))
    assert (network["params"], network["macs"]) == (study.records[0].params, study.records[0].macs)
    measured = network["seeds"][0]["training_costs"]
    assert measured["images_per_s"] > 0
    assert 0 < measured["first_step_s"] < 60
    assert measured["macs_per_s"] == pytest.approx(measured["images_per_s"] * network["macs"] * 3)
    assert [entry["batch_size"] for entry in network["latency"]] == [1, 256]
    assert set(network["seeds"][0]["class_accuracies"]) == {"0", "1"}


def test_the_commands_of_studies_work_on_it(trained: Path) -> None:
    status = json.loads(mgnas("status", "one", "--json", cwd=trained).stdout)
    assert status["complete"]
    assert status["finished"] == status["trials"]
    front = json.loads(mgnas("front", "one", "--json", cwd=trained).stdout)["front"]
    best = max(open_study(trained / "one").records, key=lambda record: (record.val_accuracy, -record.number))
    assert [point["trial"] for point in front] == [best.number]
    assert mgnas("report", "one", cwd=trained).stdout == "one/report.html\n"
    page = (trained / "one" / "report.html").read_text(encoding="utf-8")
    assert "The named networks over their seeds." in page
    assert f"<code>{NETWORK}</code>" in page
    replayed = mgnas("verify", "one", cwd=trained)
    assert "all as recorded" in replayed.stdout, replayed.stderr
    again = mgnas("search", "one", cwd=trained)
    assert again.stdout.startswith("study one is complete: all "), again.stderr
    more = mgnas("search", "one", "--trials", "9", cwd=trained)
    assert "search.trials must be the number of trainings in [plan]" in more.stderr


def test_the_best_seed_is_exported_unless_a_trial_is_named(trained: Path) -> None:
    study = open_study(trained / "one")
    formats = ("--formats", "spec,safetensors")
    done = mgnas("export", "one", *formats, cwd=trained)
    assert done.stdout.startswith(f"trial {study.front_records[0].number}: "), done.stderr
    named = mgnas("export", "one", "--trial", "1", *formats, cwd=trained)
    assert named.returncode == 0, named.stderr
    classifier = Classifier.load(trained / "one/exports/trial-1/model.safetensors")
    assert classifier.trained.seed == study.trial(1).seed


def test_finished_seeds_are_kept_and_more_are_added(trained: Path, tmp_path: Path) -> None:
    home = shutil.copytree(trained, tmp_path / "home")
    weights = open_study(home / "one").records[0].weights
    before = (home / "one" / str(weights)).read_bytes()
    run = mgnas(*ARGUMENTS, "--epochs", "3", "--seeds", "3", "--seed", "5", "--json", cwd=home)
    assert run.returncode == 0, run.stderr
    document = json.loads(run.stdout)
    assert [seed["seed"] for seed in document["networks"][0]["seeds"]] == [5, 6, 7]
    assert (home / "one" / str(weights)).read_bytes() == before
    others = mgnas(*ARGUMENTS, "--epochs", "3", "--seed", "2", "--json", cwd=home)
    assert [seed["seed"] for seed in json.loads(others.stdout)["networks"][0]["seeds"]] == [2]
    assert [record.seed for record in open_study(home / "one").records] == [5, 6, 7, 2]
    assert "4 decisions, all as recorded" in mgnas("verify", "one", cwd=home).stdout


def test_networks_are_added_but_not_left_out(trained: Path, tmp_path: Path) -> None:
    home = shutil.copytree(trained, tmp_path / "home")
    same = ("--epochs", "3", "--seeds", "2", "--seed", "5")
    run = mgnas("train", NETWORK, OTHER, *ARGUMENTS[2:], *same, "--json", cwd=home)
    assert run.returncode == 0, run.stderr
    networks = json.loads(run.stdout)["networks"]
    assert [(one["notation"], len(one["seeds"])) for one in networks] == [(NETWORK, 2), (OTHER, 2)]
    study = open_study(home / "one")
    assert study.header.params_range == tuple(sorted(one["params"] for one in networks))
    assert len(list((home / "one").glob("curve-*.svg"))) == 2
    fewer = mgnas(*ARGUMENTS, *same, cwd=home)
    assert fewer.returncode == 2
    assert f"plan.networks = {NETWORK}, {OTHER}, but now {NETWORK} is asked for" in fewer.stderr
    twice = mgnas("train", NETWORK, NETWORK, *ARGUMENTS[2:], cwd=home)
    assert f"each network is named once, but got '{NETWORK}' twice" in twice.stderr


def test_images_may_move_and_are_known_again(trained: Path, tmp_path: Path) -> None:
    home = shutil.copytree(trained, tmp_path / "elsewhere")
    (home / "images.npz").rename(home / "moved.npz")
    moved = [text.replace("images.npz", "moved.npz") for text in ARGUMENTS]
    run = mgnas(*moved, "--epochs", "3", "--seeds", "2", "--seed", "5", cwd=home)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("study one is complete: all 2 trainings are done\n")
    more = mgnas(*moved, "--epochs", "3", "--seeds", "3", "--seed", "5", cwd=home)
    assert more.returncode == 0, more.stderr
    assert "moved.npz" in (home / "one" / "study.toml").read_text(encoding="utf-8")


def test_a_folder_is_for_one_recipe(trained: Path) -> None:
    other = mgnas(*ARGUMENTS, "--epochs", "4", cwd=trained)
    assert other.returncode == 2
    assert "holds a study with train.epochs = 3, but now 4 is asked for" in other.stderr
    there = mgnas("train", NETWORK, "--data", "npz:images.npz", "-o", ".", cwd=trained)
    assert there.returncode == 2
    assert "holds no study but something else" in there.stderr


def test_a_searched_folder_is_no_place_for_named_networks(tmp_path: Path) -> None:
    write_study(tmp_path, trials=1, epochs=1)
    assert mgnas("search", "tiny.toml", cwd=tmp_path).returncode == 0
    run = mgnas("train", NETWORK, "--preset", "tiny.toml", "-o", "runs/tiny", cwd=tmp_path)
    assert run.returncode == 2
    assert f"holds a study with plan.networks = nothing, but now {NETWORK} is asked for" in run.stderr


def test_what_is_complete_says_so(trained: Path) -> None:
    folder = trained / "one"
    before = {file: file.read_bytes() for file in folder.rglob("*.safetensors")}
    run = mgnas(*ARGUMENTS, "--epochs", "3", "--seeds", "2", "--seed", "5", cwd=trained)
    assert run.stdout.startswith("study one is complete: all 2 trainings are done\n")
    assert run.stderr == ""
    assert {file: file.read_bytes() for file in folder.rglob("*.safetensors")} == before


@pytest.mark.slow
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
        "--seeds",
        "2",
        "--set",
        "execution.threads=1",
        *SAME_MODE,
    )
    assert mgnas(*arguments, "-o", "calm", cwd=tmp_path).returncode == 0
    with subprocess.Popen(
        command_with_warm_workers(*arguments, "-o", "stopped"),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        checkpoints = tmp_path / "stopped" / "checkpoints"
        wait_until(lambda: list(checkpoints.glob("*.previous")), "the second epoch", within=running)
        running.send_signal(blow)
        _, stderr = running.communicate(timeout=MOST_S)
    assert running.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(blow, -blow)
    assert "Traceback" not in stderr
    if blow != signal.SIGKILL:
        assert "Resume with the same command" in stderr
    assert mgnas(*arguments, "-o", "stopped", cwd=tmp_path).returncode == 0
    calm, stopped = (open_study(tmp_path / name) for name in ("calm", "stopped"))
    for one, other in zip(calm.records, stopped.records, strict=True):
        assert one.seed == other.seed
        weights = [(tmp_path / name / str(one.weights)).read_bytes() for name in ("calm", "stopped")]
        assert weights[0] == weights[1]
        curves = [[report.val_loss for report in study.reports[one.number]] for study in (calm, stopped)]
        assert curves[0] == curves[1]
    assert any(record.attempts > 1 for record in stopped.records)


@pytest.mark.slow
def test_two_commands_do_not_share_a_folder(tmp_path: Path) -> None:
    write_images(tmp_path, 3000)
    with subprocess.Popen(
        command_with_warm_workers(*ARGUMENTS, "--epochs", "1000"), cwd=tmp_path, stderr=subprocess.DEVNULL
    ) as running:
        try:
            wait_until((tmp_path / "one" / "study.db").exists, "the study", within=running)
            second = mgnas(*ARGUMENTS, "--epochs", "1000", cwd=tmp_path)
        finally:
            running.kill()
    assert second.returncode == 2
    assert "another mgnas is at work in one; wait for it, or choose another --output" in second.stderr


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
    (seed,) = json.loads(run.stdout)["networks"][0]["seeds"]
    assert seed["val_accuracy"] == pytest.approx(statistics.fmean(seed["class_accuracies"].values()))


def test_figures_are_in_units_that_can_be_read() -> None:
    assert [floating_point(pflop) for pflop in (2.92e-6, 1.5e-3, 12.34, 1e-9, 1e-16)] == [
        "2.92 GFLOP",
        "1.5 TFLOP",
        "12.3 PFLOP",
        "1 MFLOP",
        "0.1 FLOP",
    ]
