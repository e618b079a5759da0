"""int8 accuracy as a figure of searches: measured for the front, or maximised."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from results.front import accuracy, pareto_front
from results.open import Study, open_study
from results.storage.objectives import Objectives
from results.storage.reading import reading_ledger
from search.study.verify import verify
from space.firmware.integer_run import integer_logits
from space.firmware.programs import program_of
from space.firmware.quantise import calibration_rows, quantise
from space.modules.weights import load_weights
from space.networks.load import load_spec
from tests.support.command_line import mgnas
from tests.support.studies import write_study
from trainers.data.config import DataConfig
from trainers.data.load_splits import load_held_out, load_search_data
from trainers.data.splits import Split

STUDY = Path("runs/tiny")


def accuracies_by_numpy(study: Study, split: Split | None = None) -> dict[int, float]:
    """Return the int8 accuracy of each network with weights on a split, by default validation, in NumPy."""
    data = load_search_data(DataConfig.model_validate(study.header.config["data"]))
    images = data.train.images[calibration_rows(len(data.train))]
    found = {}
    for trial in study.all_records:
        if trial.weights is not None:
            trained, tensors = load_weights(study.folder / trial.weights)
            weights = {name: tensor.numpy() for name, tensor in tensors.items()}
            program = program_of(load_spec(trial.spec), data.image_size)
            network = quantise(program, weights, images, trained.mean, trained.std)
            measured = split or data.val
            classes = integer_logits(network, measured.images[:]).argmax(axis=1)
            found[trial.number] = float((classes == measured.labels).mean())
    return found


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a finished search, as the working directory."""
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, epochs=1, trials=3)
    done = mgnas("search", "tiny.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "int8 accuracy of " in done.stderr
    return tmp_path


def forget(folder: Path) -> None:
    with closing(sqlite3.connect(folder / STUDY / "study.db")) as database, database:
        database.execute("update mgnas_trials set int8_accuracy = null")
    database.close()


@pytest.mark.slow
def test_a_search_measures_the_int8_accuracy_of_its_front(finished: Path) -> None:
    study = open_study(STUDY)
    expected = accuracies_by_numpy(study)
    assert {trial.number: trial.int8_accuracy for trial in study.front_records} == expected
    assert all(trial.val_accuracy == trial.float_accuracy for trial in study.front_records)
    front = json.loads(mgnas("front", STUDY, "--json", cwd=finished).stdout)
    assert {point["trial"]: point["int8_accuracy"] for point in front["front"]} == expected
    assert "int8 accuracy" in mgnas("front", STUDY, cwd=finished).stdout
    assert study.front()["int8_accuracy"].tolist() == list(expected.values())
    assert verify(STUDY).difference is None

    forget(finished)
    assert open_study(STUDY).front_records[0].int8_accuracy is None
    again = mgnas("search", STUDY, cwd=finished)
    assert again.returncode == 0, again.stderr
    assert "int8 accuracy of " in again.stderr
    assert {trial.number: trial.int8_accuracy for trial in open_study(STUDY).front_records} == expected
    assert "int8 accuracy of " not in mgnas("search", STUDY, cwd=finished).stderr

    forget(finished)
    (finished / "images.npz").unlink()
    without = mgnas("search", STUDY, cwd=finished)
    assert without.returncode == 0, without.stderr
    assert "is not measured: " in without.stderr
    assert "images.npz" in without.stderr


@pytest.mark.slow
def test_a_report_and_a_model_card_state_both_accuracies(finished: Path) -> None:
    study = open_study(STUDY)
    trial = study.front_records[-1]
    assert trial.int8_accuracy is not None
    report = (STUDY / "report.html").read_text("utf-8")
    assert ">int8 accuracy</th>" in report
    assert "accuracy of the int8 network" in report
    number = str(trial.number)
    done = mgnas("export", STUDY, "--trial", number, "--formats", "safetensors", "-o", "plain", cwd=finished)
    assert done.returncode == 0, done.stderr
    text = f"{100 * trial.int8_accuracy:.2f} % (float {100 * accuracy(trial):.2f} %)"
    assert f"| Validation accuracy as int8 code | {text} |" in Path("plain/README.md").read_text("utf-8")


@pytest.mark.slow
def test_an_export_is_fine_tuned_on_request(finished: Path) -> None:
    trial = min(open_study(STUDY).front_records, key=accuracy)
    command = ("export", STUDY, "--trial", str(trial.number), "--formats", "c,safetensors", "--finetune")
    done = mgnas(*command, "-o", "tuned", cwd=finished)
    assert done.returncode == 0, done.stderr
    assert "fine-tuning: epoch 1/" in done.stderr
    figures = json.loads(Path("tuned/export.json").read_text("utf-8"))["finetuning"]
    assert figures["int8_accuracy"] >= figures["int8_before"] == trial.int8_accuracy
    assert "of quantisation-aware fine-tuning " in done.stdout
    assert "Fine-tuning: " in Path("tuned/README.md").read_text("utf-8")
    trained, _ = load_weights("tuned/model.safetensors")
    assert trained.finetuned == figures["epoch"]
    tuned = figures["float_accuracy"] if figures["epoch"] else trial.float_accuracy
    assert trained.val_accuracy == tuned
    code = json.loads(Path("tuned/firmware/figures.json").read_text("utf-8"))
    assert code["accuracy"] == figures["int8_accuracy"]
    again = mgnas(*command, "-o", "again", cwd=finished)
    assert again.returncode == 0, again.stderr
    assert Path("again/model.safetensors").read_bytes() == Path("tuned/model.safetensors").read_bytes()

    spec = mgnas("export", STUDY, "--formats", "spec", "--finetune", "-o", "spec", cwd=finished)
    assert spec.returncode == 2
    assert "the format spec has none" in spec.stderr


@pytest.mark.slow
def test_a_search_for_int8_accuracy_maximises_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, epochs=2, trials=4)
    asked = ("search", "tiny.toml", "--metric", "int8_accuracy", "--set", "search.keep_weights=all")
    done = mgnas(*asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    study = open_study(STUDY)
    assert {trial.number: trial.val_accuracy for trial in study.records} == accuracies_by_numpy(study)
    assert all(trial.int8_accuracy == trial.val_accuracy for trial in study.records)
    last = {number: reports[-1].val_accuracy for number, reports in study.reports.items()}
    assert {trial.number: trial.float_accuracy for trial in study.records} == last
    report = (STUDY / "report.html").read_text("utf-8")
    assert "They are those of the int8 networks" in report
    assert "accuracy of the float network" in report
    assert "complete: int8 accuracy " in done.stderr
    assert study.front_records == pareto_front(study.records, Objectives.of(study.header))
    assert json.loads(mgnas("front", STUDY, "--json", cwd=tmp_path).stdout)["metric"] == "int8_accuracy"
    assert verify(STUDY).difference is None

    more = mgnas("search", STUDY, "--trials", "5", cwd=tmp_path)
    assert more.returncode == 0, more.stderr
    assert verify(STUDY).difference is None
    other = mgnas("search", STUDY, "--metric", "float_accuracy", cwd=tmp_path)
    assert other.returncode == 2
    assert "search.metric = 'int8_accuracy', but now 'float_accuracy'" in other.stderr


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('space.activation=["relu", "gelu"]', "the activation gelu has none: set space.activation to relu"),
        ("train.test_flip=true", "requires train.test_flip = false"),
    ],
)
def test_a_search_for_int8_accuracy_is_refused_before_it_begins(
    tmp_path: Path, setting: str, says: str
) -> None:
    write_study(tmp_path, epochs=1, trials=3)
    done = mgnas("search", "tiny.toml", "--metric", "int8_accuracy", "--set", setting, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / STUDY / "study.db").exists()


def test_a_training_for_int8_accuracy_is_refused_before_it_begins(tmp_path: Path) -> None:
    write_study(tmp_path)
    network = "MgNet[1]-4-B^l-activation=gelu"
    asked = ("--data", "npz:images.npz", "--set", "search.metric=int8_accuracy", "-o", "one")
    done = mgnas("train", network, *asked, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"needs int8 C code, but {network} has none: the activation gelu" in done.stderr
    assert not (tmp_path / "one").exists()


@pytest.mark.slow
def test_a_certification_of_int8_accuracy_tests_the_integers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, epochs=1, trials=2)
    asked = ("search", "tiny.toml", "--metric", "int8_accuracy", "--set", "data.test_fraction=0.3")
    assert mgnas(*asked, cwd=tmp_path).returncode == 0
    done = mgnas("certify", STUDY, "--seeds", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    folder = STUDY / "certification"
    certified = open_study(folder)
    assert certified.header.is_int8
    test = load_held_out(DataConfig.model_validate(certified.header.config["data"])).test
    expected = accuracies_by_numpy(certified, test)
    with reading_ledger(folder) as ledger:
        found = {number: result.predicted for number, result in ledger.held_out().items()}
    assert {number: float((classes == test.labels).mean()) for number, classes in found.items()} == expected
