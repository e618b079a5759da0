"""Searches over the size of images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from results.open import open_study
from search.study.resolve import Request, resolve
from space.core.errors import InvalidInputError
from space.firmware.programs import device_costs
from space.networks.load import load_spec
from tests.support.command_line import mgnas
from tests.support.photos import write_photos

SIDES = (8, 12, 16)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--image-size", "8,16"),
            "requires images of an imagefolder, which can be resized, but got data.source",
        ),
        (("--image-size", "0,8", "--data", "imagefolder:x"), "must be greater than or equal to 1, but got 0"),
        (("--image-size", "8,x", "--data", "imagefolder:x"), "must be a valid integer, but got 'x'"),
        (("--image-size", "8,8", "--data", "imagefolder:x"), "choices must differ from each other"),
        (
            ("--set", "train.image_size=8"),
            "train.image_size is searched only, in [space.train], but got 8; for one size",
        ),
    ],
)
def test_wrong_sizes_are_refused_with_the_option(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = mgnas("search", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.startswith(f"mgnas: {arguments[0]}: ")
    assert done.stderr.count("\n") == 1


def test_searched_sizes_join_the_searched_keys_of_a_study_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[data]\nsource = "imagefolder:x"\n[space.train]\nlr = [0.1, 0.2]\n', encoding="utf-8")
    options: dict[str, Any] = {"space.train": {"image_size": list(SIDES)}}
    config, _ = resolve(Request(file, options=options))
    assert {key: list(domain.values()) for key, domain in config.space.train.items()} == {
        "lr": [0.1, 0.2],
        "image_size": list(SIDES),
    }
    with pytest.raises(InvalidInputError, match=r"space\.train takes"):
        resolve(Request(file, options={"space.train": {"image_sise": [8]}}))


@pytest.mark.slow
def test_search_over_image_sizes_counts_trains_exports_and_certifies_each_size(tmp_path: Path) -> None:
    write_photos(tmp_path)
    (tmp_path / "board.toml").write_text("flash_kib = 64\nram_kib = 16\n", encoding="utf-8")
    command = ("search", "--data", "imagefolder:photos", "--target", "board.toml", "--dir", "runs/sizes")
    sizes = ("--image-size", ",".join(map(str, SIDES)), "--epochs", "1")
    done = mgnas(*command, *sizes, "--trials", "5", "--set", "search.keep_weights=all", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "size: 8 x 8 or 12 x 12 or 16 x 16" in done.stderr
    study = open_study(tmp_path / "runs" / "sizes")
    found = {int(record.training["image_size"]) for record in study.records}
    assert found <= set(SIDES)
    assert len(found) > 1
    for record in study.records:
        spec, side = load_spec(record.spec), int(record.training["image_size"])
        assert record.macs == spec.macs(side)
        assert record.network_costs.sram_kib == device_costs(spec, side).sram_bytes / 1024
    table = mgnas("front", "runs/sizes", cwd=tmp_path).stdout
    assert "image_size=" in table
    assert mgnas("verify", "runs/sizes", cwd=tmp_path).returncode == 0
    last = study.pick("best")
    side = int(last.trial.training["image_size"])
    exported = mgnas("export", "runs/sizes", "--trial", str(last.trial.number), "-o", "out", cwd=tmp_path)
    assert exported.returncode == 0, exported.stderr
    assert "validation images of photos" in exported.stdout
    facts = json.loads((tmp_path / "out" / "export.json").read_text())
    assert facts["preprocessing"]["image_size"] == [side, side]
    certified = mgnas("certify", "runs/sizes", "--seeds", "1", cwd=tmp_path)
    assert certified.returncode == 0, certified.stderr
    trainings = open_study(tmp_path / "runs" / "sizes" / "certification").records
    assert all(record.training["image_size"] in SIDES for record in trainings)
    assert all(
        record.macs == load_spec(record.spec).macs(record.training["image_size"]) for record in trainings
    )
