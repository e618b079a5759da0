"""Searches with flash and SRAM as objectives and limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from results.open import open_study
from space.firmware.programs import device_costs
from space.networks.load import load_spec
from tests.support.command_line import mgnas
from tests.support.studies import write_study

STUDY = Path("runs/tiny")


@pytest.mark.slow
def test_search_minimises_and_limits_flash_and_sram(tmp_path: Path) -> None:
    write_study(tmp_path, epochs=1, trials=3)
    limit = ("--set", "space.max_sram_kib=2")
    done = mgnas("search", "tiny.toml", "--costs", "flash_kib,sram_kib", *limit, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    study = open_study(tmp_path / STUDY)
    size = tuple(study.header.data["image_size"])
    assert len(study.records) == 3
    for record in study.records:
        costs = device_costs(load_spec(record.spec), size)
        assert record.network_costs.flash_kib == costs.flash_bytes / 1024
        assert record.network_costs.sram_kib == costs.sram_bytes / 1024 <= 2
    front = json.loads(mgnas("front", STUDY, "--json", cwd=tmp_path).stdout)["front"]
    assert {"flash_kib", "sram_kib"} <= front[0].keys()
    table = mgnas("front", STUDY, cwd=tmp_path).stdout
    assert "flash, KiB" in table
    assert "SRAM, KiB" in table


def test_space_without_int8_code_is_refused_before_the_search(tmp_path: Path) -> None:
    write_study(tmp_path, epochs=1, trials=3)
    activations = ("--set", 'space.activation=["relu", "gelu"]')
    done = mgnas("search", "tiny.toml", "--costs", "flash_kib", *activations, cwd=tmp_path)
    assert done.returncode == 2
    assert "needs int8 C code, but the activation gelu has none: set space.activation to relu" in done.stderr
    assert not (tmp_path / STUDY / "study.db").exists()
