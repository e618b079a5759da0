"""Certifications of whole studies through the command line and from Python."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

import mgnas as api
from results.open import open_study
from space.core.errors import InvalidInputError
from tests.support.command_line import mgnas
from tests.support.studies import write_study
from tests.support.waiting import wait_until
from tests.support.warm_workers import command_with_warm_workers

CERTIFY = (
    "certify",
    "search",
    "--seeds",
    "2",
    "--reference",
    "resnet18@0.05",
    "--against",
    "other",
    "--json",
)


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a study of a search and a second one for comparison."""
    home = tmp_path_factory.mktemp("home")
    write_study(home, epochs=2, trials=5)
    for name, seed in (("search", "0"), ("other", "1")):
        found = mgnas(
            "search", "tiny.toml", "--dir", name, "--seed", seed, "--set", "data.test_fraction=0.25", cwd=home
        )
        assert found.returncode == 0, found.stderr
    return home


@pytest.fixture
def home(searched: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(searched, tmp_path / "home"))


@pytest.fixture(scope="module")
def certified(searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Path(shutil.copytree(searched, tmp_path_factory.mktemp("certified") / "home"))
    found = mgnas(*CERTIFY, cwd=home)
    assert found.returncode == 0, found.stderr
    (home / "certified.json").write_text(found.stdout)
    return home


def rows(database: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()


def test_certification_has_a_training_of_each_network_and_seed(certified: Path) -> None:
    document = json.loads((certified / "certified.json").read_text())
    study = open_study(certified / "search")
    origins = {one["arch"]: one["origin"] for one in document["networks"]}
    assert {trial.arch for trial in study.front_records} <= origins.keys()
    assert {"front", "reference"} <= set(origins.values())
    assert all(one["training_seeds"] == [0, 1] for one in document["networks"])
    assert document["seeds"] == 2
    assert document["epochs"] == 2


def test_figures_follow_from_the_ledger(certified: Path) -> None:
    """Accuracy and confusion are recomputed with SQL and numpy alone."""
    document = json.loads((certified / "certified.json").read_text())
    ledger = certified / "search" / "certification" / "study.db"
    (detail,) = rows(ledger, "select detail from mgnas_events where kind = 'open_test'")
    labels = np.array(json.loads(detail[0])["labels"])
    predicted = {
        trial: np.frombuffer(content, "<u2")
        for trial, content in rows(ledger, "select trial, predictions from mgnas_held_out")
    }
    for network in document["networks"]:
        values = [float((predicted[trial] == labels).mean()) for trial in network["trials"]]
        assert network["test"]["mean"] == pytest.approx(np.mean(values))
        assert network["test"]["deviation"] == pytest.approx(np.std(values, ddof=1))
        assert network["test"]["low"] <= network["test"]["mean"] <= network["test"]["high"]
        confusion = np.zeros((2, 2), dtype=int)
        for trial in network["trials"]:
            np.add.at(confusion, (labels, predicted[trial].astype(int)), 1)
        assert network["confusion"] == confusion.tolist()


def test_certified_front_is_selected_on_validation(certified: Path) -> None:
    study = open_study(certified / "search")
    own = [one for one in study.certification.networks if one.origin not in ("reference", "other study")]
    for network in own:
        dominators = [
            one
            for one in own
            if one is not network and one.params <= network.params and one.val.mean >= network.val.mean
        ]
        assert network.on_front == (not dominators)
        assert 0 <= network.front_probability <= 1


def test_opening_of_the_test_split_is_recorded_once(certified: Path) -> None:
    study = open_study(certified / "search")
    assert len(study.certification.openings) == 1
    assert study.certification.openings[0].num_images == len(
        np.frombuffer(
            rows(study.certification.folder / "study.db", "select predictions from mgnas_held_out")[0][0],
            "<u2",
        )
    )


def test_same_certification_again_opens_nothing_and_trains_nothing(certified: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(certified, tmp_path / "again"))
    before = (home / "search" / "certification" / "study.db").read_bytes()
    found = mgnas(*CERTIFY, cwd=home)
    assert found.returncode == 0, found.stderr
    assert (home / "search" / "certification" / "study.db").read_bytes() == before
    again, first = (json.loads(text) for text in (found.stdout, (home / "certified.json").read_text()))
    assert again == first


def test_second_certification_says_that_the_test_split_was_used_before(
    certified: Path, tmp_path: Path
) -> None:
    home = Path(shutil.copytree(certified, tmp_path / "more"))
    found = mgnas("certify", "search", "--network", "MgNet[1]-5-B^l", "--seeds", "2", cwd=home)
    assert found.returncode == 0, found.stderr
    assert "the test split was used before (1 time)" in found.stderr
    assert "the test split was used 2 times" in found.stdout
    assert len(open_study(home / "search").certification.openings) == 2


def test_front_shows_certified_figures_and_says_so(certified: Path, searched: Path) -> None:
    document = json.loads(mgnas("front", "search", "--json", cwd=certified).stdout)
    assert document["figures"] == "certified"
    assert document["certification"]["seeds"] == 2
    assert "certified: 2 epochs, 2 seeds each" in mgnas("front", "search", cwd=certified).stdout
    assert json.loads(mgnas("front", "search", "--json", cwd=searched).stdout)["figures"] == "search"


def test_comparisons_name_dominating_networks_with_probabilities(certified: Path) -> None:
    certification = open_study(certified / "search").certification
    compared = [one.network.origin for one in certification.dominated]
    assert "reference" in compared
    for one in certification.dominated:
        if one.by is not None:
            assert one.by.on_front
            assert one.by.params <= one.network.params
            assert 0 <= one.probability <= one.any_probability <= 1
            low, high = one.interval
            assert low <= high


def test_searched_recipe_of_a_network_holds_in_its_certification(tmp_path: Path) -> None:
    file = write_study(tmp_path, trials=3)
    text = file.read_text().replace("[train]", "[space.train]\nlr = { low = 0.05, high = 0.3 }\n\n[train]", 1)
    file.write_text(text)
    assert (
        mgnas(
            "search", "tiny.toml", "--dir", "s", "--set", "data.test_fraction=0.25", cwd=tmp_path
        ).returncode
        == 0
    )
    study = api.certify(tmp_path / "s", seeds=1, neighbours=0, progress=False)
    searched = {trial.arch: trial.training["lr"] for trial in open_study(tmp_path / "s").front_records}
    for network in study.certification.front:
        assert network.trainings[0].training["lr"] == searched[network.arch]


def test_other_length_is_a_certification_of_its_own(home: Path) -> None:
    study = api.certify(home / "search", seeds=1, epochs=3, trials=[0], progress=False)
    assert study.certification.folder.name == "certification-3-epochs"
    assert study.certification.epochs == 3
    assert [one.search_trial for one in study.certification.networks] == [0]


@pytest.mark.slow
def test_killed_certification_resumes_to_the_same_figures(searched: Path, home: Path, tmp_path: Path) -> None:
    whole = Path(shutil.copytree(searched, tmp_path / "whole"))
    options = ("certify", "search", "--seeds", "2", "--neighbours", "0", "--json")
    expected = mgnas(*options, cwd=whole)
    assert expected.returncode == 0, expected.stderr
    database = home / "search" / "certification" / "study.db"
    for _ in range(3):
        process = subprocess.Popen(
            command_with_warm_workers(*options), cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        done = _num_reports(database)
        wait_until(
            lambda n=done, p=process: _num_reports(database) > n or p.poll() is not None, "another epoch"
        )
        process.send_signal(signal.SIGKILL)
        process.communicate()
    found = mgnas(*options, cwd=home)
    assert found.returncode == 0, found.stderr
    resumed, at_once = (json.loads(one.stdout) for one in (found, expected))
    assert len(resumed["openings"]) == 1
    for one in (resumed, at_once):
        for key in ("openings", "folder"):
            del one[key]
        for network in one["networks"]:
            network.pop("trials")
    assert resumed == at_once


def _num_reports(database: Path) -> int:
    try:
        return len(rows(database, "select 1 from mgnas_reports"))
    except sqlite3.Error:
        return 0


def test_interrupted_measurement_continues_the_same_opening(certified: Path, tmp_path: Path) -> None:
    """A certification that was killed between two measurements opens the test split once."""
    home = Path(shutil.copytree(certified, tmp_path / "half"))
    database = home / "search" / "certification" / "study.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("delete from mgnas_held_out where trial >= 2")
    # killed between the two ledgers
    with closing(sqlite3.connect(home / "search" / "study.db")) as connection, connection:
        connection.execute("delete from mgnas_events where kind = 'open_test'")
    assert open_study(home / "search").certification is None
    options = ("--seeds", "2", "--reference", "resnet18@0.05", "--against", "other", "--json")
    found = mgnas("certify", "search", *options, cwd=home)
    assert found.returncode == 0, found.stderr
    document, first = (json.loads(text) for text in (found.stdout, (home / "certified.json").read_text()))
    assert document["networks"] == first["networks"]
    assert len(document["openings"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", "0"], "seeds must be from 1 to 1000, but got 0"),
        (["--trial", "99"], "has no trial 99"),
        (["--network", "resnet99"], "resnet99"),
        (["--network", "MgNet[1]-4-B^l", "--epochs", "0"], "epochs"),
        (["--against", "nowhere"], "there is no folder nowhere"),
        (["--reference", "unknown"], "there is no reference 'unknown'"),
    ],
)
def test_user_errors_name_the_value_and_exit_with_2(home: Path, options: list[str], message: str) -> None:
    found = mgnas("certify", "search", *options, cwd=home)
    assert found.returncode == 2
    assert message in found.stderr
    assert not (home / "search" / "certification").exists()


def test_study_without_test_images_is_refused(tmp_path: Path) -> None:
    write_study(tmp_path, trials=1)
    made = mgnas("search", "tiny.toml", "--dir", "s", "--set", "data.test_fraction=0", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    found = mgnas("certify", "s", "--seeds", "1", cwd=tmp_path)
    assert found.returncode == 2
    assert "has no test images" in found.stderr


def test_certification_of_trainings_by_name_is_refused(certified: Path) -> None:
    with pytest.raises(InvalidInputError, match="needs the study of a search"):
        api.certify(certified / "search" / "certification", progress=False)
