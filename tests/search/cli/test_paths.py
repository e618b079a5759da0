"""Paths from users, in every argument that takes one."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from results.open import open_study
from search.cli.main import run
from search.study.api import run_search
from search.study.resolve import Request, resolve
from space.core.errors import InvalidInputError
from tests.support.command_line import mgnas
from tests.support.studies import write_study


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with a finished study in runs/tiny."""
    home = tmp_path_factory.mktemp("home")
    write_study(home, trials=2, workers=1)
    run = mgnas("search", "tiny.toml", cwd=home)
    assert run.returncode == 0, run.stderr
    return home


@pytest.fixture
def elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user stands: in another folder than at home."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_tilde_is_the_home_folder(home: Path, elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "~/tiny.toml", "--dir=~/runs/tiny"]) == 0
    assert "all 2 trials are done" in capsys.readouterr().out
    assert run(["export", "~/runs/tiny", "--pick", "best", "--formats", "spec", "--output=~/exported"]) == 0
    assert run(["report", "~/runs/tiny", "-o", "~/reported.html"]) == 0
    assert run(["describe", "--space", "~/runs/tiny"]) == 0
    assert run(["simulate", "digits8", "random", "--seeds", "1", "--picture=~/drawn.svg"]) == 0
    assert run(["status", "~/runs/tiny"]) == 0
    for made in ("exported/spec.json", "reported.html", "drawn.svg"):
        assert (home / made).is_file()
    assert not list(elsewhere.iterdir())
    study = open_study("~/runs/tiny")
    assert study.report("~/again.html") == home / "again.html"
    assert study.export("best", "~/exported", ["spec"]).folder == home / "exported"


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "--dir"], ["search"], ["export", "~/runs/tiny", "--pick", "best", "-o"],
        ["report", "~/runs/tiny", "-o"], ["train", "MgNet[1]-2-B^l", "-o"], ["describe", "--space"],
        ["simulate", "digits8", "--picture"], ["simulate"], ["verify"], ["front"],
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["", "~nobody_at_all/x", "\udcff"])
def test_what_is_no_path_is_one_line(
    arguments: list[str], path: str, elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, path]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert ("is empty; name one" if path == "" else "is no usable path") in captured.err
    assert not list(elsewhere.iterdir())


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems take UTF-8 alone")
def test_a_study_below_a_folder_whose_name_is_no_text(home: Path, tmp_path: Path) -> None:
    strange = tmp_path / os.fsdecode(b"caf\xe9 %41?#")
    shutil.copytree(home, strange)
    for command in ("front", "status", "report"):
        done = mgnas(command, "runs/tiny", cwd=strange)
        assert done.returncode == 0, done.stderr
    done = mgnas("search", "tiny.toml", "--trials", "3", cwd=strange)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "is not UTF-8 text" in done.stderr


def test_a_folder_that_looks_like_an_option_is_named_so_that_it_is_none(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "runs" / "tiny", tmp_path / "-s")
    done = mgnas("search", "./-s", cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "export: mgnas export ./-s --pick within-1se"
    assert mgnas("report", "./-s", cwd=tmp_path).returncode == 0
    assert "mgnas export ./-s --trial" in (tmp_path / "-s" / "report.html").read_text(encoding="utf-8")


def test_folders_of_images_name_their_studies(elsewhere: Path) -> None:
    for version in ("cats.v1", "cats.v2"):
        options = {"data.source": f"imagefolder:{version}"}
        config, folder = resolve(Request(options=options))
        assert (config.name, folder) == (version, Path("runs") / version)


def test_a_name_is_one_line(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (elsewhere / "study.toml").write_text('name = "a\\nb"\n', encoding="utf-8")
    assert run(["search", "study.toml"]) == 2
    assert "takes no '/' and no line breaks" in capsys.readouterr().err


def asked(study: str) -> tuple[str, Path]:
    config, folder = resolve(Request(Path(study)))
    return config.name, folder


def test_a_study_goes_before_a_preset_and_a_preset_before_other_folders(home: Path, elsewhere: Path) -> None:
    (elsewhere / "digits").mkdir()
    (elsewhere / "images").write_text("", encoding="utf-8")
    assert asked("digits") == ("digits", Path("runs") / "digits")
    assert asked("images") == ("images", Path("runs") / "images")
    shutil.rmtree(elsewhere / "digits")
    shutil.copytree(home / "runs" / "tiny", elsewhere / "digits")
    assert asked("digits") == ("tiny", Path("digits"))


def test_what_is_given_twice_or_as_nothing_is_refused(elsewhere: Path) -> None:
    for settings, says in (
        ({"search.trials": 7}, "search.trials is given twice, as trials and in settings"),
        ({"space.max_params": None}, "space.max_params is None"),
    ):
        with pytest.raises(InvalidInputError, match=says):
            run_search("digits", trials=5, settings=settings, progress=False)
    assert not list(elsewhere.iterdir())
