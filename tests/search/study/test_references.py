"""References, plugins and searched trainings in whole studies, through the command line."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import optuna
import pytest

from results.open import open_study
from results.storage.study_files import sqlite_url
from search.study.api import run_search
from space.core.errors import InvalidInputError
from tests.support.command_line import mgnas
from tests.support.studies import write_images

EXAMPLES = Path(__file__).parents[3] / "examples"

STUDY = """
plugins = ["my_family.py"]
references = ["resnet18@0.05", "mgnet-64-Bli@0.05"]

[data]
source = "npz:images.npz"
val_fraction = 0.25

[space]
family = ["plain", "mgnet"]
levels = [1, 2]
nu = [1, 2]
c_u = { first = [2, 3], increment = [0, 2] }
smoother = ["conv", "two_step"]
max_params = 2000

[space.families.plain]
depth = { low = 1, high = 4 }
width = [4, 8]

[space.train]
lr = { low = 0.05, high = 0.3, log = true }
flip = [false, true]
weight_decay = 0.001

[train]
epochs = 2
batch_size = 16

[search]
trials = 6
workers = 2
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_images(folder)
    shutil.copy(EXAMPLES / "my_family.py", folder)
    (folder / "all.toml").write_text(STUDY, encoding="utf-8")
    done = mgnas("search", "all.toml", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "compared with:" in done.stdout
    assert "resnet18@0.05" in done.stdout
    return folder


def test_references_are_trained_and_counted_apart(home: Path) -> None:
    study = open_study(home / "runs/all")
    assert [record.reference for record in study.references] == ["resnet18@0.05", "mgnet-64-Bli@0.05"]
    assert all(record.state == "complete" and record.weights for record in study.references)
    assert all(record.epochs == 2 for record in study.references)
    assert len(study.records) == 6
    front = json.loads(mgnas("front", "runs/all", "--json", cwd=home).stdout)
    assert front["trials"] == 6
    assert [point["reference"] for point in front["references"]] == ["resnet18@0.05", "mgnet-64-Bli@0.05"]
    assert not {point["trial"] for point in front["references"]} & {p["trial"] for p in front["front"]}
    status = json.loads(mgnas("status", "runs/all", "--json", cwd=home).stdout)
    assert (status["trials"], status["finished"], status["complete"]) == (6, 6, True)
    with (home / "runs/all/trials.csv").open(encoding="utf-8") as file:
        assert [row["reference"] for row in csv.DictReader(file)].count("") == 6


def test_the_report_draws_references_on_the_front(home: Path) -> None:
    page = (home / "runs/all/report.html").read_text(encoding="utf-8")
    assert page.count("resnet18@0.05") >= 3  # the chart's label and its hover text, and the table
    assert "Networks of the papers, trained by this study's recipe" in page
    assert '"name": "references"' in page


def test_each_training_has_its_own_recipe(home: Path) -> None:
    study = open_study(home / "runs/all")
    rates = {record.hyperparameters["train.lr"] for record in study.records}
    assert len(rates) == 6
    assert all(isinstance(rate, float) and 0.05 <= rate <= 0.3 for rate in rates)
    assert {record.hyperparameters["train.flip"] for record in study.records} <= {False, True}
    best = study.pick("best")
    card = study.export("best", home / "card", ["spec", "safetensors"]).folder / "README.md"
    text = card.read_text(encoding="utf-8")
    assert f"| lr | `{best.trial.hyperparameters['train.lr']}` |" in text
    assert "| weight_decay | `0.001` |" in text
    assert "(lr, flip chosen by the search)" in text


def test_optunas_study_has_all_trials(home: Path) -> None:
    storage = optuna.storages.RDBStorage(sqlite_url(home / "runs/all"))
    trials = optuna.load_study(study_name="all", storage=storage).trials
    storage.remove_session()
    storage.engine.dispose()
    assert len(trials) == 8
    assert [trial.user_attrs["reference"] for trial in trials if "reference" in trial.user_attrs] == [
        "resnet18@0.05",
        "mgnet-64-Bli@0.05",
    ]


def test_a_reference_can_be_exported(home: Path) -> None:
    done = mgnas("export", "runs/all", "--trial", "0", "--formats", "spec,safetensors", cwd=home)
    assert done.returncode == 0, done.stderr
    spec = json.loads((home / "runs/all/exports/trial-0/spec.json").read_text(encoding="utf-8"))
    assert spec["family"] == "resnet"


def test_a_network_of_a_plugin_is_exported_with_it(home: Path, tmp_path: Path) -> None:
    study = open_study(home / "runs/all")
    own = next((r for r in study.records if r.spec["family"] == "plain" and r.weights), None)
    if own is None:  # none of them reached the front: keep them all
        again = mgnas("search", "all.toml", "--dir", "kept", "--set", "search.keep_weights=all", cwd=home)
        assert again.returncode == 0, again.stderr
        study = open_study(home / "kept")
        own = next(r for r in study.records if r.spec["family"] == "plain")
    moved = shutil.move(shutil.copytree(study.folder, tmp_path / "copy"), tmp_path / "moved")
    done = mgnas("export", moved, "--trial", str(own.number), "-o", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"my_family.py", "model.onnx", "model.safetensors", "README.md"} <= names
    described = mgnas(
        "describe",
        "out/spec.json",
        "--plugin",
        "out/my_family.py",
        "--image-size",
        "7",
        "--json",
        cwd=tmp_path,
    )
    assert json.loads(described.stdout)["params"] == own.params
    without = mgnas("describe", "out/spec.json", cwd=tmp_path)
    assert without.returncode == 2
    assert "--plugin" in without.stderr


@pytest.mark.slow
def test_run_again_it_is_complete_and_a_new_reference_is_trained(home: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(home, tmp_path / "home")
    again = mgnas("search", "all.toml", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert "going on" not in again.stderr
    more = STUDY.replace('"mgnet-64-Bli@0.05"]', '"mgnet-64-Bli@0.05", "mgnet-64-Bli@0.06"]')
    (folder / "all.toml").write_text(more, encoding="utf-8")
    assert mgnas("search", "all.toml", cwd=folder).returncode == 0
    study = open_study(folder / "runs/all")
    assert [record.reference for record in study.references][2:] == ["mgnet-64-Bli@0.06"]
    assert len(study.records) == 6
    with_more = mgnas("search", "runs/all", "--trials", "8", cwd=folder)
    assert with_more.returncode == 0, with_more.stderr
    assert len(open_study(folder / "runs/all").records) == 8


def test_a_changed_plugin_is_refused(home: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(home, tmp_path / "home")
    plugin = folder / "my_family.py"
    plugin.write_text(plugin.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    done = mgnas("search", "all.toml", "--trials", "9", cwd=folder)
    assert done.returncode == 2
    assert "holds a study with another version of the plugin my_family.py" in done.stderr
    assert mgnas("search", "runs/all", "--trials", "7", cwd=folder).returncode == 0


def test_an_edited_copy_of_a_plugin_is_refused(home: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(home, tmp_path / "home")
    plugin = folder / "runs/all/plugins/my_family.py"
    plugin.write_text(plugin.read_text(encoding="utf-8").replace("ReLU", "Tanh"), encoding="utf-8")
    for arguments, said in (
        (["search", "runs/all", "--trials", "7"], "my_family.py was changed after the search began"),
        (["search", "all.toml"], "another version of the plugin my_family.py"),
    ):
        done = mgnas(*arguments, cwd=folder)
        assert done.returncode == 2
        assert said in done.stderr
    assert len(open_study(folder / "runs/all").records) == 6


def test_references_are_trained_after_the_hours_are_spent(tmp_path: Path) -> None:
    write_images(tmp_path)
    text = STUDY.partition("[data]")[2].replace('"plain", ', "").replace("[space.families.plain]", "#")
    text = text.replace("depth = {", "# {").replace("width = [4, 8]", "")
    (tmp_path / "s.toml").write_text(f"[data]{text}hours = 1e-9\n", encoding="utf-8")
    first = mgnas("search", "s.toml", cwd=tmp_path)
    assert "hours are spent" in first.stdout
    assert [record.state for record in open_study(tmp_path / "runs/s").records] == ["complete"]
    named = f'references = ["mgnet-64-Bli@0.05"]\n[data]{text}hours = 1e-9\n'
    (tmp_path / "s.toml").write_text(named, encoding="utf-8")
    mgnas("search", "s.toml", cwd=tmp_path)
    study = open_study(tmp_path / "runs/s")
    assert [record.state for record in study.references] == ["complete"]
    assert study.complete


def test_fixed_keys_of_the_training_hold_for_references(home: Path) -> None:
    study = open_study(home / "runs/all")
    assert [record.training for record in study.references] == [{"weight_decay": 0.001}] * 2
    assert all(record.training.keys() == {"lr", "flip", "weight_decay"} for record in study.records)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"space.train": {"epochs": [1, 2]}}, r"space\.train takes .*but got 'epochs'"),
        ({"space.train": {"lrr": 0.1}}, "but got 'lrr'; did you mean 'lr'"),
        ({"space.train": {"lr": [0.1, -1.0]}}, r"space\.train\.lr must be greater than 0, but got -1"),
        ({"space.train": {"flip": ["yes"]}}, r"space\.train\.flip must be true or false, but got 'yes'"),
        ({"space.train": {"lr": {"low": 0.0, "high": 1.0, "log": True}}}, "needs low > 0"),
    ],
)
def test_trainings_that_cannot_be_are_refused(tmp_path: Path, settings: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        run_search("digits", folder=tmp_path / "x", settings=settings, progress=False)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('references = ["resnet19"]', "there is no reference 'resnet19'; did you mean"),
        ('references = ["resnet18", "resnet18"]', "each reference is trained once, but got 'resnet18' twice"),
        ('plugins = ["nothing.py"]', "cannot read the plugin"),
        ('plugins = ["a\\u0000b"]', "is no usable path"),
        ('plugins = ["~nosuchuser/x.py"]', "is no usable path"),
        ('plugins = "nothing.py"', "plugins must be a list of Python files, but got 'nothing.py'"),
    ],
)
def test_bad_names_are_told_in_one_line(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "s.toml").write_text(line + "\n", encoding="utf-8")
    done = mgnas("search", "s.toml", cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
