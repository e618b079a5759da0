"""Searches for a target: its settings in the study, refusals before the search, the default of exports."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from results.export.choice import DEFAULT_FORMATS, default_formats
from results.open import open_study
from search.study.api import run_search
from search.study.config import StudyConfig
from search.study.resolve import Request, resolve
from search.study.same_study import first_difference
from space.core.errors import InvalidInputError
from space.targets.read import target_names
from tests.support.command_line import mgnas
from tests.support.photos import write_photos

BOARD = "flash_kib = 64\nram_kib = 16\n"
PHOTOS = {"data.source": "imagefolder:photos"}


def for_target(target: str, **fields: Any) -> StudyConfig:
    fields = {"options": PHOTOS, "resumes": False} | fields
    return resolve(Request(target=target, **fields))[0]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the file board.toml."""
    (tmp_path / "board.toml").write_text(BOARD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", target_names())
def test_every_known_target_gives_a_feasible_space_for_photographs(folder: Path, name: str) -> None:
    config = for_target(name)
    assert config.target is not None
    side = config.data.max_image_side or 64
    config.search_space(in_channels=3, num_classes=10, image_size=side).check_feasible()


def test_file_of_64_kib_flash_and_16_kib_ram_selects_small_images_and_narrow_networks(folder: Path) -> None:
    config = for_target("board.toml")
    assert (config.space.max_flash_kib, config.space.max_sram_kib) == (48, 12)
    assert config.search.costs == ("flash_kib",)
    assert config.data.max_image_side == 32
    assert "microcontroller" in config.description
    config.search_space(in_channels=3, num_classes=100, image_size=32).check_feasible()


def test_study_keeps_its_own_objectives_image_size_and_lower_limits(folder: Path) -> None:
    options = PHOTOS | {"search.costs": "params", "data.image_size": 20, "space.max_sram_kib": 8.0}
    config = for_target("board.toml", options=options)
    assert config.search.costs == ("params",)
    assert (config.data.image_size, config.data.max_image_side) == (20, None)
    assert config.space.max_sram_kib == 8
    assert for_target("board.toml", options=PHOTOS | {"space.max_sram_kib": 99.0}).space.max_sram_kib == 12


def test_target_of_a_preset_lowers_its_limits_only(folder: Path) -> None:
    small, phone = (for_target(name, preset="cifar10-small", options={}) for name in ("browser", "phone"))
    assert small.space.max_params == phone.space.max_params == 1_000_000
    assert phone.space.max_macs == small.space.max_macs == 200_000_000
    assert for_target("arduino-nano-33-ble", preset="cifar10-small", options={}).space.max_macs == 6_400_000


def test_study_file_names_a_target_or_has_its_table(folder: Path) -> None:
    (folder / "named.toml").write_text('target = "board.toml"\n', encoding="utf-8")
    (folder / "table.toml").write_text(f'[target]\nname = "board"\n{BOARD}', encoding="utf-8")
    named, table = (resolve(Request(folder / file))[0] for file in ("named.toml", "table.toml"))
    assert named.target == table.target
    assert named.space == table.space
    assert StudyConfig.parse(tomllib.loads(named.to_toml()), "again") == named


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("space.activation=gelu", "the target board needs int8 C code, but the activation gelu has none"),
        ("target.ram=3", "--set: unknown key 'target.ram'; did you mean 'ram_kib'"),
        ('target.formats=["cc"]', "but got 'cc'; did you mean 'c'"),
        ('target.costs=["flash"]', "but got 'flash'; did you mean 'flash_kib'"),
        ("space.max_sram_kib=-1", "--set: space.max_sram_kib: must be greater than 0, but got -1"),
        ("space.max_sram_kib=x", "--set: space.max_sram_kib: must be a valid number, but got 'x'"),
    ],
)
def test_wrong_setting_is_refused_before_the_images_are_read(
    folder: Path, assignment: str, message: str
) -> None:
    done = mgnas(
        *("search", "--data", "imagefolder:none", "--target", "board.toml", "--set", assignment), cwd=folder
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("target", ["", "ardunio", "none.toml"])
def test_unknown_target_is_refused(folder: Path, target: str) -> None:
    done = mgnas("search", "--target", target, cwd=folder)
    assert done.returncode == 2
    assert done.stderr.startswith("mgnas: --target")


def test_python_api_takes_a_target(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"^target: there is no target 'fone'; did you mean 'phone'"):
        run_search(target="fone")
    with pytest.raises(
        InvalidInputError, match="the target board needs int8 C code, but the activation silu"
    ):
        run_search(target=folder / "board.toml", settings={"space.activation": "silu"})


def test_family_of_a_plugin_is_refused_for_a_microcontroller(folder: Path) -> None:
    (folder / "mine.toml").write_text(
        f'plugins = ["{Path(__file__).parents[3] / "examples" / "my_family.py"}"]\ntarget = "board.toml"\n'
        '[space]\nfamily = "plain"\n',
        encoding="utf-8",
    )
    with pytest.raises(InvalidInputError, match="the target board needs int8 C code, but the family plain"):
        resolve(Request(folder / "mine.toml"))


def test_impossible_target_names_the_smallest_network_and_the_limits(folder: Path) -> None:
    (folder / "tiny.toml").write_text("flash_kib = 0.2\nram_kib = 16\n", encoding="utf-8")
    done = mgnas("search", "digits", "--target", "tiny.toml", cwd=folder)
    assert done.returncode == 2
    assert "space.max_flash_kib = 0.15, but the smallest network of this space has" in done.stderr
    assert "the target tiny has at most 0.15 KiB of flash, 12 KiB of SRAM: choose another one" in done.stderr


def test_another_target_is_another_study_but_its_texts_are_not(folder: Path) -> None:
    recorded = for_target("board.toml").model_dump(mode="json")
    assert first_difference(recorded, recorded) is None
    plain = recorded | {"target": None}
    assert first_difference(plain, recorded) == "target = nothing, but now 'board'"
    assert first_difference(recorded, plain) == "target = 'board', but now nothing"
    other = recorded | {"target": recorded["target"] | {"ram_kib": 32}}
    assert first_difference(recorded, other) == "target.ram_kib = 16.0, but now 32"
    renamed = recorded | {"target": recorded["target"] | {"description": "mine"}}
    assert first_difference(recorded, renamed) is None


def test_exports_have_the_formats_of_the_target(folder: Path) -> None:
    config = for_target("board.toml").model_dump(mode="json")
    assert default_formats(config) == ("spec", "safetensors", "c")
    assert default_formats({"target": None}) == default_formats({}) == DEFAULT_FORMATS
    with pytest.raises(InvalidInputError, match="the study's target: unknown key 'nix'"):
        default_formats({"target": {"nix": 1}})


@pytest.mark.slow
def test_search_for_a_target_resumes_and_exports_code_within_its_limits(folder: Path) -> None:
    write_photos(folder)
    command = ("search", "--data", "imagefolder:photos", "--target", "board.toml", "--epochs", "1")
    first = mgnas(*command, "--trials", "2", cwd=folder)
    assert first.returncode == 0, first.stderr
    line = "target: board: at most 48 KiB of flash, 12 KiB of SRAM; exports: spec, safetensors, c"
    assert line in first.stderr
    again = mgnas(*command, "--trials", "3", cwd=folder)
    assert again.returncode == 0, again.stderr
    (folder / "runs" / "photos").rename(folder / "moved")
    study = open_study(folder / "moved")
    assert len(study.records) == 3
    assert study.header.data["image_size"] == (32, 32)
    for record in study.records:
        assert record.network_costs.flash_kib is not None
        assert record.network_costs.flash_kib <= 48
        assert record.network_costs.sram_kib is not None
        assert record.network_costs.sram_kib <= 12
    exported = mgnas("export", "moved", "-o", "out", cwd=folder)
    assert exported.returncode == 0, exported.stderr
    assert (folder / "out" / "firmware" / "net.c").is_file()
    assert json.loads((folder / "out" / "export.json").read_text())["formats"] == ["spec", "safetensors", "c"]
    without = mgnas("search", "--data", "imagefolder:photos", "--dir", "moved", "--trials", "3", cwd=folder)
    assert without.returncode == 0, without.stderr
