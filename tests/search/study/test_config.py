"""Configuration: presets, study files, --set, and errors with file, key and rule."""

from __future__ import annotations

import json
import random
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from search.cli.study_file_help import study_file
from search.study.config import StudyConfig
from search.study.resolve import Request, _default_name, resolve, study_or_preset
from search.study.same_study import first_difference
from search.study.study_file import parse_assignment, preset_names, read_preset, read_study_file
from space.core.errors import InvalidInputError
from space.search_space import SearchSpace
from tests.support.studies import write_study


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_valid_and_described(name: str) -> None:
    config = StudyConfig.parse(read_preset(name), name)
    assert config.name == name
    assert config.description
    assert config.search.trials >= 40


def test_the_demonstration_reaches_below_1500_parameters() -> None:
    config = StudyConfig.parse(read_preset("digits"), "digits")
    space = SearchSpace(config.space, in_channels=1, num_classes=10, image_size=8)
    assert space.params_range()[0] < 1500
    assert space.size() > 10_000


def test_an_earlier_study_is_seen_from_where_it_is_named(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('preset = "digits"\n[search]\nwarm_start = "runs/old"\n', encoding="utf-8")
    config, _ = resolve(Request(study=file))
    assert config.search.warm_start == str(tmp_path / "runs" / "old")
    config, _ = resolve(Request(study=file, options={"search.warm_start": "runs/old"}))
    assert config.search.warm_start == str(Path.cwd() / "runs" / "old")


def test_resolved_configuration_round_trip(tmp_path: Path) -> None:
    import tomllib

    for tables in (read_preset("digits"), read_preset("images"), read_study_file(write_study(tmp_path))):
        config = StudyConfig.parse(tables, "test")
        assert StudyConfig.parse(tomllib.loads(config.to_toml()), "again") == config


def test_study_files_see_their_data_from_their_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write_study(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config, folder = resolve(Request(study=study))
    assert config.data.source == f"npz:{tmp_path / 'images.npz'}"
    assert folder == Path("runs/tiny")
    config, _ = resolve(Request(study=study, options={"data.source": "npz:mine.npz"}))
    assert config.data.source == f"npz:{elsewhere / 'mine.npz'}"


def test_a_study_file_stands_on_a_preset(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('preset = "digits"\n[space]\nnu = [1, 2]\n[search]\ntrials = 7\n', encoding="utf-8")
    config, folder = resolve(Request(study=file))
    digits = StudyConfig.parse(read_preset("digits"), "digits")
    assert config.space.c_u == digits.space.c_u
    assert config.space.model_dump()["nu"] == [1, 2]
    assert (config.search.trials, config.name, folder) == (7, "mine", Path("runs/mine"))


def test_a_preset_may_stand_in_the_place_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert resolve(Request(study=Path("digits"))) == resolve(Request(preset="digits"))


def test_the_command_line_wins(tmp_path: Path) -> None:
    config, folder = resolve(
        Request(
            study=write_study(tmp_path),
            folder=tmp_path / "x",
            options={"search.trials": 9, "search.hours": None, "space.max_params": 500},
            assignments=["train.epochs=5", "search.sampler=nsga2", "space.nu=[1, 2, 3]"],
        )
    )
    assert folder == tmp_path / "x"
    assert (config.search.trials, config.search.hours, config.space.max_params) == (9, None, 500)
    assert (config.train.epochs, config.search.sampler) == (5, "nsga2")
    assert config.space.model_dump()["nu"] == [1, 2, 3]


def test_own_images_without_a_preset_take_the_images_preset(tmp_path: Path) -> None:
    config, folder = resolve(Request(options={"data.source": f"npz:{tmp_path}/cells.npz"}))
    assert folder == Path("runs/cells")
    assert config.train == StudyConfig.parse(read_preset("images"), "images").train


@pytest.mark.parametrize(
    ("tables", "says"),
    [
        ({"serch": {}}, "test: unknown key 'serch'; did you mean 'search'"),
        ({"search": {"trails": 3}}, "unknown key 'search.trails'; did you mean 'trials'"),
        ({"search": {"trials": "many"}}, "search.trials: .*valid integer.* but got 'many'"),
        ({"search": {"trials": 0}}, "search.trials: .*greater than or equal to 1, but got 0"),
        ({"search": {"trials": 10**5000}}, "search.trials: .*less than or equal to 10000000"),
        ({"search": {"trials": True}}, "search.trials: .*valid integer"),
        ({"train": {"lr": True}}, "train.lr: .*valid number"),
        ({"search": {"workers": 0}}, "search.workers: "),
        ({"search": {"hours": float("nan")}}, "search.hours: "),
        ({"search": {"hours": float("inf")}}, "search.hours: "),
        ({"search": {"sampler": "bayes"}}, "search.sampler: .*'tpe'.* but got 'bayes'"),
        ({"search": 3}, "search: .* but got 3"),
        ({"train": {"lr": -1}}, "train.lr: .*greater than 0, but got -1"),
        ({"train": {"momentum": 1.0}}, "train.momentum: .*less than 1"),
        ({"train": {"precision": "float16"}}, "train.precision: "),
        (
            {"space": {"c_u": {"low": 9, "high": 3}}},
            "space.c_u: low <= high must hold, but got low=9, high=3",
        ),
        ({"space": {"c_u": {"lo": 9, "high": 3}}}, "unknown key 'space.c_u.lo'"),
        ({"space": {"widths": 3}}, "unknown key 'space.widths' .*known here: .*c_u"),
        ({"space": {"family": "resnett"}}, "space.family: .* did you mean 'resnet'"),
        ({"data": {"val_fraction": 1}}, "data.val_fraction: "),
    ],
)
def test_wrong_configurations(tables: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as caught:
        StudyConfig.parse(tables, "test")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["train.epochs", "epochs=3", "train.=3", ".epochs=3", "a.b.c=3", "=", ""])
def test_wrong_assignments(text: str) -> None:
    with pytest.raises(InvalidInputError, match=r"--set takes section\.key=value"):
        parse_assignment(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b=3", 3),
        ("a.b=tpe", "tpe"),
        ('a.b="3"', "3"),
        ("a.b={low=1, high=2}", {"low": 1, "high": 2}),
        ("a.b=", ""),
        ("a.b=1\nc=2", "1\nc=2"),
        ("a.b=" + "9" * 5000, "9" * 5000),
        ("a.b=" + "[" * 50_000, "[" * 50_000),
    ],
    ids=lambda value: str(value)[:20],
)
def test_assignments(text: str, value: Any) -> None:
    assert parse_assignment(text) == {"a": {"b": value}}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"preset": "digit"}, "did you mean 'digits'"),
        ({"study": Path("none.toml")}, r"cannot read the study file none\.toml"),
        ({"study": Path("none.toml"), "preset": "digits"}, "not both"),
        ({"assignments": ["name.x=1"]}, "name: "),
    ],
)
def test_wrong_requests(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        resolve(Request(**fields))


def test_a_study_file_that_is_not_toml(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    for content in (b"trials = ", b"\xff\xfe\x00", b"[search\n", b"a = " + b"[" * 50_000):
        file.write_bytes(content)
        with pytest.raises(InvalidInputError, match=r"x\.toml is not TOML"):
            resolve(Request(study=file))


def tables_of(tables: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration as the ledger records it."""
    recorded: dict[str, Any] = json.loads(
        json.dumps(StudyConfig.model_validate(tables).model_dump(mode="json"))
    )
    return recorded


def test_budgets_may_change_and_nothing_else() -> None:
    base = tables_of({})
    rng = random.Random(0)
    more = {"trials": 99, "hours": 1.5, "workers": 3, "device": "cpu", "keep_weights": "all"}
    assert first_difference(base, tables_of({"search": more})) is None
    where = {"root": "/elsewhere", "memory_gib": 1.0, "reader_threads": 4}
    assert first_difference(base, tables_of({"data": where})) is None
    changes: list[dict[str, Any]] = [
        {"search": {"seed": 1}},
        {"search": {"sampler": "random"}},
        {"train": {"epochs": rng.randrange(20, 30)}},
        {"space": {"nu": 2}},
        {"data": {"split_seed": 4}},
    ]
    for change in changes:
        difference = first_difference(base, tables_of(change))
        section, keys = next(iter(change.items()))
        assert difference is not None
        assert difference.startswith(f"{section}.{next(iter(keys))} = ")


def test_a_request_that_does_not_resume_leaves_studies_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in the study's folder is read, not even to find out that it is damaged."""
    monkeypatch.chdir(tmp_path)
    lying = tmp_path / "runs" / "digits"
    lying.mkdir(parents=True)
    (lying / "study.db").write_bytes(b"")
    (lying / "study.toml").write_text("[train]\nepochs = 77\n", encoding="utf-8")
    config, _ = resolve(Request(resumes=False))
    assert config == resolve(Request(preset="digits"))[0]
    with pytest.raises(InvalidInputError, match=r"study\.toml is damaged"):
        resolve(Request())


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("npz:/data/cells.npz", "cells"),
        ("imagefolder:/data/my photos", "my photos"),
        ("imagefolder:..", "images"),
        ("npz:/\udcff\udcfe.npz", "??"),
        (f"npz:{'ä' * 5000}.npz", "ä" * 100),
        ("npz:/data/a\u3000.npz", "a"),
        ("svhn", "svhn"),
    ],
)
def test_default_names_are_valid(source: str, name: str) -> None:
    assert _default_name("images", source) == name
    assert StudyConfig(name=name).name == name


def test_a_preset_goes_before_a_file_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    (tmp_path / "mine.toml").touch()
    assert study_or_preset("digits") == (None, "digits")
    assert study_or_preset("./digits") == (Path("digits"), None)
    assert study_or_preset("mine.toml") == (Path("mine.toml"), None)
    assert study_or_preset("x" * 5000) == (None, "x" * 5000)


@pytest.mark.parametrize("name", preset_names())
def test_the_documents_table_of_presets_is_right(name: str) -> None:
    text = (Path(__file__).parents[3] / "docs" / "explanation" / "training.md").read_text(encoding="utf-8")
    (row,) = (line for line in text.splitlines() if line.startswith(f"| `{name}` | "))
    _, _, epochs, batch_size, optimizer, besides, _ = (cell.strip() for cell in row.split("|"))
    recipe = StudyConfig.parse(read_preset(name), name).train
    assert (epochs, batch_size) == (str(recipe.epochs), str(recipe.batch_size))
    assert optimizer == f"`{recipe.optimizer}`, {recipe.lr}"
    listed = {"epochs", "batch_size", "optimizer", "lr"} | {
        text.split("`")[1] for text in besides.split(", ") if text
    }
    assert set(recipe.model_dump(exclude_defaults=True)) <= listed
    assert f"`crop_padding` {recipe.crop_padding}" in besides or not recipe.crop_padding


def test_study_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[train]\nepochs = 3\n", encoding="utf-8-sig")
    assert read_study_file(file) == {"name": "mine", "train": {"epochs": 3}}


def test_help_on_study_files_is_a_study_file_of_all_keys() -> None:
    text = study_file()
    assert StudyConfig.parse(tomllib.loads(text), "help") == StudyConfig()
    for section in ("data", "space", "train", "execution", "search"):
        model = type(getattr(StudyConfig(), section))
        assert all(re.search(rf"^(# )?{key} =", text, re.M) for key in model.model_fields)


def test_every_key_of_a_study_file_has_a_description() -> None:
    sections = [type(value) for _, value in StudyConfig() if isinstance(value, BaseModel)]
    assert len(sections) == 5
    for model in (StudyConfig, *sections):
        missing = [name for name, field in model.model_fields.items() if not field.description]
        assert not missing, f"{model.__name__}: {missing}"


def test_a_plan_is_canonical_and_counts_its_trainings() -> None:
    tables = {"plan": {"networks": ["MgNet[1,1]-4-B^l"], "seeds": [3, 4]}, "search": {"trials": 2}}
    config = StudyConfig.parse(tables, "x")
    assert config.trainings == (("MgNet[1,1]-4-B^l", 3), ("MgNet[1,1]-4-B^l", 4))
    assert StudyConfig.parse(tomllib.loads(config.to_toml()), "x") == config


@pytest.mark.parametrize(
    ("plan", "says"),
    [
        ({"networks": [], "seeds": [0]}, "plan.networks"),
        ({"networks": ["MgNet[1,1]-4-B^l"], "seeds": []}, "plan.seeds"),
        ({"networks": ["MgNet[1,1]-4-B^l"], "seeds": [1, 1]}, "each seed is named once, but got 1 twice"),
        ({"networks": ["MgNet[1,1]-4"], "seeds": [0]}, "expected -B"),
        ({"networks": ["MgNet[1,1]-4-B^l"], "seeds": [-1]}, "plan.seeds"),
        ({"networks": ["MgNet[1,1]-4-B^l"], "seeds": [0]}, "search.trials must be the number of trainings"),
    ],
)
def test_plans_that_cannot_be_are_one_line(plan: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidInputError, match=re.escape(says)) as caught:
        StudyConfig.parse({"plan": plan}, "x")
    assert "\n" not in str(caught.value)
