"""Teachers of studies: found by name, kept in the study's folder, and refused where they do not fit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import mgnas as api
from results.certification.summary import summary
from results.open import open_study
from search.study.teacher_files import TEACHERS, find_teacher
from space.core.errors import InvalidInputError
from tests.support.command_line import mgnas
from tests.support.studies import write_images, write_study

NETWORK = "MgNet[1,1]-4-B^l"
SAME_MODE = (
    *("--threads", "1", "--set", "train.precision=float32"),
    *("--set", "execution.channels_last=true"),
)
TRAIN = ("train", NETWORK, "--data", "npz:images.npz", "--epochs", "2", *SAME_MODE)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images and the study ``big`` of the teacher."""
    home = tmp_path_factory.mktemp("teacher")
    write_images(home)
    found = mgnas("train", "MgNet[1,1]-8-B^l", *TRAIN[2:], "-o", "big", cwd=home)
    assert found.returncode == 0, found.stderr
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = Path(shutil.copytree(trained, tmp_path / "home"))
    monkeypatch.chdir(copy)
    return copy


@pytest.mark.slow
def test_student_study_keeps_its_teacher_and_continues_without_the_teachers_study(home: Path) -> None:
    assert mgnas(*TRAIN, "-o", "student", "--teacher", "big:0", cwd=home).returncode == 0
    (kept,) = (home / "student" / TEACHERS).iterdir()
    weights = home / "big" / str(open_study("big").trial(0).weights)
    assert kept.read_bytes() == weights.read_bytes()
    recorded = open_study("student").header.config["train"]
    assert recorded["teacher"] == kept.stem == find_teacher("big").digest
    first = (home / "student" / str(open_study("student").trial(0).weights)).read_bytes()
    shutil.rmtree("big")
    (home / "student" / str(open_study("student").trial(0).weights)).unlink()
    more = mgnas(*TRAIN, "-o", "student", "--teacher", str(kept), "--seeds", "2", cwd=home)
    assert more.returncode == 0, more.stderr
    study = open_study("student")
    assert [record.seed for record in study.records] == [0, 1]
    assert (home / "student" / str(study.trial(0).weights)).read_bytes() == first
    assert mgnas("verify", "student", cwd=home).returncode == 0


@pytest.mark.slow
def test_teacher_is_found_by_export_file_and_study(home: Path) -> None:
    assert mgnas("export", "big", "-o", "export", "--formats", "safetensors", cwd=home).returncode == 0
    names = ["big", "big:0", "export", "export/model.safetensors"]
    assert len({find_teacher(name).digest for name in names}) == 1


@pytest.mark.slow
def test_damaged_teacher_is_replaced_by_the_one_that_is_named(home: Path) -> None:
    assert mgnas(*TRAIN, "-o", "student", "--teacher", "big", cwd=home).returncode == 0
    (kept,) = (home / "student" / TEACHERS).iterdir()
    intact = kept.read_bytes()
    kept.write_bytes(intact[:-1])
    (home / "student" / str(open_study("student").trial(0).weights)).unlink()
    without = mgnas("search", "student", "--repair", cwd=home)
    assert without.returncode == 2
    assert "does not hold the teacher" in without.stderr
    again = mgnas(*TRAIN, "-o", "student", "--teacher", "big", cwd=home)
    assert again.returncode == 0, again.stderr
    assert kept.read_bytes() == intact
    assert "ended as recorded" in again.stderr


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("none", "--teacher must be the folder of an export"),
        ("best", "--teacher must be the folder of an export"),
        ("none:0", "--teacher must be the folder of an export"),
        ("big:7", "big has no trial 7"),
        ("images.npz", "is not a safetensors file"),
    ],
)
def test_unknown_teacher_is_refused_before_the_folder_is_made(home: Path, teacher: str, message: str) -> None:
    found = mgnas(*TRAIN, "-o", "student", "--teacher", teacher, cwd=home)
    assert found.returncode == 2
    assert message in found.stderr
    assert found.stderr.count("mgnas: ") == 1
    assert not (home / "student").exists()


def test_teacher_of_other_images_is_refused(home: Path) -> None:
    found = mgnas("train", NETWORK, "--data", "digits", "-o", "student", "--teacher", "big", cwd=home)
    assert found.returncode == 2
    assert "the teacher big is for images of 6 x 7 pixels, but the training has 8 x 8" in found.stderr
    assert not (home / "student").exists()


def test_study_with_another_teacher_or_none_is_another_study(home: Path) -> None:
    assert mgnas(*TRAIN, "-o", "student", "--teacher", "big", cwd=home).returncode == 0
    without = mgnas(*TRAIN, "-o", "student", cwd=home)
    assert without.returncode == 2
    assert "train.teacher" in without.stderr


def test_recipe_with_a_teacher_that_nobody_named_is_refused(home: Path) -> None:
    digest = "0123456789abcdef"
    found = mgnas(*TRAIN, "-o", "student", "--set", f"train.teacher='{digest}'", cwd=home)
    assert found.returncode == 2
    assert "name the teacher with --teacher" in found.stderr


@pytest.mark.slow
def test_certification_with_the_best_network_as_teacher_has_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_study(tmp_path, epochs=2, trials=3)
    search = ("search", "tiny.toml", "--dir", "search", "--set", "data.test_fraction=0.25")
    assert mgnas(*search, cwd=tmp_path).returncode == 0
    study = api.certify("search", seeds=1, teacher="best", neighbours=0, progress=False)
    assert study.certification is not None
    best = max(study.front_records, key=lambda record: record.val_accuracy or 0.0)
    digest = find_teacher(f"search:{best.number}").digest
    folder = tmp_path / "search" / f"certification-teacher-{digest}"
    assert (folder / TEACHERS / f"{digest}.safetensors").is_file()
    assert not (tmp_path / "search" / "certification").exists()
    assert study.certification.teacher == digest
    assert summary(study.certification)["teacher"] == digest
    assert f"the network with the digest {digest}" in study.report().read_text("utf-8")
    assert {network.arch for network in study.certification.front} <= {one.arch for one in study.records}
    with pytest.raises(InvalidInputError, match="no trial 99"):
        api.certify("search", seeds=1, teacher="search:99", progress=False)
