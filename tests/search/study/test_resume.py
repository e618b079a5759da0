"""A second request for a complete study: reuse and refusals."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from search.cli.main import run
from search.study.config import StudyConfig
from search.study.same_study import first_difference, first_edit
from search.study.study_file import preset_names, read_preset
from tests.search.cli.test_command_line import STUDY, output
from tests.search.cli.test_user_errors import error


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often a database is opened and a configuration parsed."""
    found: Counter[str] = Counter()
    create_engine, parse = sa.create_engine, StudyConfig.parse.__func__  # type: ignore[attr-defined]

    def counted_engine(*arguments: Any, **options: Any) -> Any:
        found["open"] += 1
        return create_engine(*arguments, **options)

    def counted_parse(cls: type[StudyConfig], *arguments: Any) -> Any:
        found["parse"] += 1
        return parse(cls, *arguments)

    monkeypatch.setattr(sa, "create_engine", counted_engine)
    monkeypatch.setattr(StudyConfig, "parse", classmethod(counted_parse))
    return found


@pytest.mark.parametrize("study", ["tiny.toml", "runs/tiny"])
def test_a_complete_study_is_opened_twice_and_parsed_once(
    finished: Path, capsys: pytest.CaptureFixture[str], counts: Counter[str], study: str
) -> None:
    assert "is complete: all 6" in output(capsys, "search", study)
    assert counts["parse"] == 1
    assert 1 <= counts["open"] <= 2


def test_missing_outputs_are_written_from_the_open_study(
    finished: Path, capsys: pytest.CaptureFixture[str], counts: Counter[str]
) -> None:
    for name in ("trials.csv", "front.csv", "report.html"):
        (STUDY / name).unlink()
    output(capsys, "search", "runs/tiny")
    assert all((STUDY / name).exists() for name in ("trials.csv", "front.csv", "report.html"))
    assert counts["parse"] == 1


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("lr = 0.1", "lr = 0.2", "train.lr = 0.1, but now 0.2"),
        ("[train]\n", "[train]\ncolour = 3\n", "train.colour = nothing, but now 3"),
        ('sampler = "tpe"', 'sampler = "random"', "search.sampler = 'tpe', but now 'random'"),
    ],
)
def test_an_edit_of_a_recorded_setting_is_named(
    finished: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, says: str
) -> None:
    file = STUDY / "study.toml"
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")
    assert says in error(capsys, "search", "runs/tiny", "--trials", "9")


@pytest.mark.parametrize("text", ["train = 3\n", "[search]\n[search\n", "data = []\n"])
def test_a_recorded_file_of_another_form_is_damaged(
    finished: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (STUDY / "study.toml").write_text(f'name = "tiny"\n{text}', encoding="utf-8")
    assert "study.toml" in error(capsys, "search", "runs/tiny", "--trials", "9")


@pytest.mark.parametrize("preset", preset_names())
def test_what_is_recorded_of_a_preset_is_the_preset(preset: str) -> None:
    """Neither JSON of the ledger nor TOML of the folder changes a configuration."""
    import tomllib

    config = StudyConfig.parse(read_preset(preset), preset)
    recorded = json.loads(json.dumps(config.model_dump(mode="json")))
    assert first_difference(recorded, config.model_dump(mode="json")) is None
    assert first_edit(recorded, tomllib.loads(config.to_toml())) is None
    assert StudyConfig.parse(recorded, preset) == config


def test_an_infeasible_space_is_refused_before_images_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their format is known by their name; there is nothing to load under this root."""
    monkeypatch.chdir(tmp_path)
    options = ["--data", "cifar10", "--data-root", "nowhere", "--max-params", "10"]
    assert run(["search", *options]) == 2
    assert "space.max_params = 10, but the smallest network" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
