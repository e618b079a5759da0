"""Targets: known devices, files of users, and what follows from flash, RAM and clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from space.core.errors import InvalidInputError
from space.targets.read import known_target, read_target, target_names
from space.targets.target import IMAGE_SHARE, Target
from space.targets.text import limits_text

BOARDS = [name for name in target_names() if known_target(name).is_microcontroller]


def test_known_targets_include_boards_and_devices_with_an_operating_system() -> None:
    assert {"browser", "raspberry-pi", "phone"} == set(target_names()) - set(BOARDS)
    assert {"arduino-nano-33-ble", "raspberry-pi-pico", "esp32-s3", "nucleo-f401re"} <= set(BOARDS)


@pytest.mark.parametrize("name", target_names())
def test_known_target_has_a_source_and_limits(name: str) -> None:
    target = known_target(name)
    assert target.name == name
    assert target.description
    assert target.source
    assert target.limits
    assert {"spec", "safetensors"} < set(target.export_formats)


@pytest.mark.parametrize("name", BOARDS)
def test_limits_of_a_board_leave_room_for_the_program(name: str) -> None:
    board = known_target(name)
    assert board.flash_kib is not None
    assert board.ram_kib is not None
    assert board.limits["max_flash_kib"] <= 0.75 * board.flash_kib
    assert board.limits["max_sram_kib"] <= 0.75 * board.ram_kib
    side = board.image_side
    assert side is not None
    assert 3 * side**2 <= IMAGE_SHARE * board.limits["max_sram_kib"] * 1024


def test_file_with_flash_and_ram_is_a_microcontroller(tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text("flash_kib = 64\nram_kib = 16\n", encoding="utf-8")
    board = read_target("board.toml", tmp_path)
    assert board.name == "board"
    assert board.limits == {"max_flash_kib": 48, "max_sram_kib": 12}
    assert board.image_side == 32
    assert board.objectives == ("flash_kib",)
    assert board.export_formats == ("spec", "safetensors", "c")
    assert limits_text(board) == "48 KiB of flash, 12 KiB of SRAM"


@pytest.mark.parametrize(
    ("keys", "side"),
    [({"ram_kib": 1}, 8), ({"ram_kib": 4096}, 64), ({"ram_kib": 16, "max_image_side": 96}, 96)],
)
def test_image_side_follows_from_ram_unless_it_is_set(keys: dict[str, Any], side: int) -> None:
    assert Target.model_validate({"flash_kib": 64, **keys}).image_side == side


def test_clock_limits_macs_of_a_microcontroller_unless_they_are_set() -> None:
    board = {"flash_kib": 64, "ram_kib": 16, "clock_mhz": 48}
    assert Target.model_validate(board).limits["max_macs"] == 4_800_000
    assert Target.model_validate(board | {"max_macs": 7}).limits["max_macs"] == 7
    assert Target.model_validate({"clock_mhz": 48}).limits == {}


def test_target_without_flash_has_no_microcontrollers_settings() -> None:
    target = Target.model_validate({"max_params": 1000})
    assert not target.is_microcontroller
    assert target.image_side is None
    assert target.objectives == ("params",)
    assert "c" not in target.export_formats
    assert limits_text(Target()) == "none"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("flash_kbi = 64", "board.toml: unknown key 'flash_kbi'; did you mean 'flash_kib'"),
        ("flash_kib = 64", "has flash_kib and ram_kib, but got flash_kib only; add ram_kib"),
        ("flash_kib = 64\nram_kib = 0", "board.toml: ram_kib: must be greater than 0, but got 0"),
        ("flash_kib = '64'\nram_kib = 16", "flash_kib: must be a valid number, but got '64'"),
        ("max_params = 1\nreserved_ram = 1.0", "reserved_ram: must be less than 1, but got 1.0"),
        ("flash_kib =", "board.toml is not TOML"),
    ],
)
def test_wrong_file_gives_one_line_with_the_key_and_the_rule(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "board.toml").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError) as error:
        read_target("board.toml", tmp_path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("pico", "; did you mean 'raspberry-pi-pico' or 'raspberry-pi-pico-2'? ("),
        ("Phone", "; did you mean 'phone'? ("),
        ("ardunio", "; did you mean 'arduino-nano-33-ble' or 'arduino-uno-r4'? ("),
        ("rasberry-pi", "; did you mean 'raspberry-pi'? ("),
        ("xyz", "there is no target 'xyz' ("),
    ],
)
def test_unknown_name_gives_names_that_contain_it_or_begin_alike(text: str, hint: str) -> None:
    with pytest.raises(InvalidInputError) as error:
        read_target(text)
    assert hint in str(error.value)


def test_unknown_name_gives_the_nearest_and_all_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="did you mean 'arduino-nano-33-ble'") as error:
        read_target("ardunio-nano-33", tmp_path)
    assert all(name in str(error.value) for name in target_names())
    with pytest.raises(InvalidInputError, match=r"cannot read the target none\.toml"):
        read_target("none.toml", tmp_path)
