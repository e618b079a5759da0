"""``mgnas describe`` and ``mgnas presets``: networks, references and spaces in numbers."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

import pytest

from search.cli.describe_space import DRAWS, EXACT_UP_TO, feasible_share
from search.study.study_file import preset_names
from space.firmware.programs import device_costs
from space.networks.references import REFERENCES
from space.notation.parse import parse_notation
from space.search_space import SearchSpace, SpaceConfig
from tests.support.command_line import mgnas
from tests.support.studies import write_study


def described(*arguments: str | Path, cwd: Path) -> dict:
    done = mgnas("describe", *arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["resnet18", "mgnet-imagenet", "poly-mgnet"])
def test_references_are_known_by_name(name: str, tmp_path: Path) -> None:
    figures = described(name, cwd=tmp_path)
    reference = REFERENCES[name]
    assert figures["params"] == reference.spec().params
    assert figures["image_size"] == reference.image_size
    assert figures["num_classes"] == reference.num_classes
    assert figures["reference"]["published_params"] == reference.params
    for key in ("params", "macs", "activation_bytes"):
        assert figures[key] == sum(layer[key] for layer in figures["layers"])


def test_options_win_over_what_was_published(tmp_path: Path) -> None:
    figures = described(
        "resnet18-imagenet@0.5", "--classes", "7", "--image-size", "64", "--channels", "1", cwd=tmp_path
    )
    assert (figures["num_classes"], figures["image_size"], figures["in_channels"]) == (7, 64, 1)
    assert figures["notation"] == "ResNet[2,2,2,2]-[32,64,128,256]-stem=imagenet"
    assert figures["reference"]["scale"] == 0.5


def test_a_reference_is_told_with_its_source(tmp_path: Path) -> None:
    text = mgnas("describe", "resnet18", cwd=tmp_path).stdout
    assert "11.2M, CIFAR-10 95.28 %, CIFAR-100 77.54 %: He, Zhang, Ren, Sun 2015" in text
    assert "parameters   11,173,962" in text
    assert "level1.shortcut" not in text
    assert "level2.shortcut" in text


def test_presets_lists_studies_and_references(tmp_path: Path) -> None:
    text = mgnas("presets", cwd=tmp_path).stdout
    for name in (*preset_names(), *REFERENCES):
        assert f"\n{name} " in f"\n{text}"
    document = json.loads(mgnas("presets", "--json", cwd=tmp_path).stdout)
    assert {entry["name"]: entry["params"] for entry in document["references"]}["resnet34"] == 21_282_122
    assert set(document["presets"]) == set(preset_names())


def test_a_space_is_described_for_the_studys_images(tmp_path: Path) -> None:
    write_study(tmp_path)
    facts = described("--space", "tiny.toml", cwd=tmp_path)
    assert facts["image_size"] == [6, 7]
    assert (facts["in_channels"], facts["num_classes"], facts["batch_size"]) == (1, 2, 16)
    assert facts["points"] == 2 * (2 * 3 + (2 * 3) ** 2)
    assert facts["params"][0] < facts["params"][1]
    assert facts["feasible_share"] == 1
    assert len(facts["samples"]) == 6
    few = described("--space", "tiny.toml", "--set", "space.max_params=250", cwd=tmp_path)
    assert few["feasible_share_interval"] == [few["feasible_share"]] * 2
    assert 0 < few["feasible_share"] < 0.5
    assert all(sample["params"] <= 250 for sample in few["samples"])


def test_a_presets_space_needs_no_data(tmp_path: Path) -> None:
    facts = described("--space", "cifar10-small", cwd=tmp_path)
    assert facts["image_size"] == [32, 32]
    assert facts["drawn"] == 2000
    low, high = facts["feasible_share_interval"]
    assert low < facts["feasible_share"] < high
    assert all(sample["params"] <= 1_000_000 for sample in facts["samples"])
    text = mgnas("describe", "--space", "cifar10-small", cwd=tmp_path).stdout
    assert "max_params = 1,000,000" in text
    assert "95 % interval" in text


def test_the_share_within_the_limits_is_one_of_points() -> None:
    """Though most draws of a search are of few levels, most points are of many."""
    widths = [4, 8, 16]
    asked = {"levels": [1, 3], "nu": {"low": 1, "high": 3}, "c_u": widths, "c_f": widths, "max_params": 6000}
    space = SearchSpace(SpaceConfig.model_validate(asked), image_size=8, in_channels=1)
    assert space.size() > EXACT_UP_TO
    exact = sum(1 for _ in space.feasible_points()) / space.size()
    share, low, high, drawn = feasible_share(space, random.Random(0))
    assert drawn == DRAWS
    assert low < exact < high
    assert share == pytest.approx(exact, rel=0.25)


def test_a_share_of_nearly_all_is_told_apart_from_all(tmp_path: Path) -> None:
    text = mgnas("describe", "--space", "digits", "--set", "space.max_params=18000", cwd=tmp_path).stdout
    assert re.search(r"feasible +\d[\d.]* % of the points \(95 % interval \d[\d.]* to \d[\d.]* %,", text)


@pytest.mark.parametrize(("levels", "says"), [(3, "about 2.9 x 10^17;"), (1, "1,048,576;")])
def test_sizes_of_large_spaces(tmp_path: Path, levels: int, says: str) -> None:
    widths = "c_u = {low = 1, high = 512}\nc_f = {low = 1, high = 128}\n"
    text = f"[space]\nlevels = {levels}\nnu = {{low = 1, high = 8}}\n{widths}"
    (tmp_path / "s.toml").write_text(text, encoding="utf-8")
    assert says in mgnas("describe", "--space", "s.toml", cwd=tmp_path).stdout


def test_a_folders_space(tmp_path: Path) -> None:
    write_study(tmp_path, trials=1, epochs=1, workers=1)
    assert mgnas("search", "tiny.toml", cwd=tmp_path).returncode == 0
    assert described("--space", "runs/tiny", cwd=tmp_path) == described("--space", "tiny.toml", cwd=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "describe takes either a network (SPEC) or --space STUDY"),
        (["resnet18", "--space", "digits"], "describe takes either"),
        (["resnet18", "--set", "space.nu=1"], "--set goes with --space"),
        (["resnet18", "--target", "phone"], "--target goes with --space"),
        (["--space", "digits", "--target", "fone"], "there is no target 'fone'; did you mean 'phone'?"),
        (["resnet18@7e9"], "a reference's scale must be a number from 1/64 to 8"),
        (["--space", "nothing.toml"], "cannot read the study file nothing.toml"),
        (["--space", "images"], "the source imagefolder needs a folder"),
        (
            ["--space", "digits", "--set", "space.max_params=3"],
            "no network of this space is within its limits",
        ),
        (["--space", "digits", "--image-size", "0"], "--image-size must be from 1 to 1000000, but got 0"),
        (["ResNet18-A^x"], "expected l or {l,i}, but got 'x' at character 12"),
        (["MgNet[2]-8-B^l-smoother=two_step(weight=1)"], "unknown option 'weight'; did you mean 'weights'"),
        (["MgNet[2]-8-B^l-kernel=5"], "unknown option 'kernel'; did you mean 'kernel_b'"),
        (["MgNet[2]-8-B^l-kernel_b=4"], "must be 1, 3 or 5, but got '4' at character 25"),
        (["MgNet[2]-(3,4)-B^l-smoother=linear"], "needs c_u = c_f, but level 1 has c_u=3, c_f=4"),
        (["MgNet[2]-8-B^l-dropout=1.5"], "must be less than 1, but got '1' at character 24"),
    ],
)
def test_wrong_values_are_told_in_one_line(arguments: list[str], says: str, tmp_path: Path) -> None:
    done = mgnas("describe", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "    @property\n    def notation(self):\n        raise ValueError('no name')",
            "ValueError: no name",
        ),
        ("    def layers(self, size):\n        return [size.nothing]", "AttributeError"),
        ("    def canonical(self):\n        return self.nothing", "AttributeError"),
        ("    thing: 'Undefined'", "name 'Undefined' is not defined"),
    ],
)
def test_errors_of_a_plugins_code_are_the_users(body: str, says: str, tmp_path: Path) -> None:
    source = f"""
from typing import Literal
import torch
from space.networks.families import register_family
from space.networks.spec import Spec

class OddSpec(Spec):
    family: Literal["odd"] = "odd"
    notation_name = "Odd"
    width: int = 4
{body}

def build(spec):
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(spec.num_classes))

register_family(OddSpec, build)
"""
    (tmp_path / "odd.py").write_text(source, encoding="utf-8")
    done = mgnas("describe", "Odd(width=4)", "--plugin", "odd.py", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert "bug in mgnas" not in done.stderr


def test_flash_and_sram_are_those_of_the_code(tmp_path: Path) -> None:
    figures = described("MgNet[2,2]-8-B^l", "--image-size", "8", cwd=tmp_path)
    spec = parse_notation("MgNet[2,2]-8-B^l")
    assert (figures["flash_bytes"], figures["sram_bytes"]) == device_costs(spec, 8)
    text = mgnas("describe", "MgNet[2,2]-8-B^l", "--image-size", "8", cwd=tmp_path).stdout
    assert f"{figures['sram_bytes'] / 1024:.2f} KiB of SRAM" in text


def test_network_without_int8_code_says_so(tmp_path: Path) -> None:
    text = "MgNet[2,2]-8-B^l-activation=silu"
    assert "flash_bytes" not in described(text, cwd=tmp_path)
    assert (
        "int8 C code  none: the activation silu has no integer form; use relu"
        in mgnas("describe", text, cwd=tmp_path).stdout
    )


def test_space_of_a_target_shows_the_range_of_flash_and_sram(tmp_path: Path) -> None:
    arguments = ("describe", "--space", "digits", "--target", "nucleo-l053r8")
    facts = json.loads(mgnas(*arguments, "--json", cwd=tmp_path).stdout)
    for name in ("flash_kib", "sram_kib"):
        low, high = facts[name]
        assert 0 < low < high
        assert all(low <= sample[name] <= facts["limits"][f"max_{name}"] for sample in facts["samples"])
    text = mgnas(*arguments, cwd=tmp_path).stdout
    assert (
        f"flash        {facts['flash_kib'][0]:.2f} to {facts['flash_kib'][1]:.2f} KiB as int8 C code" in text
    )
    assert "training memory, MiB" in text


def test_presets_list_targets_with_their_limits(tmp_path: Path) -> None:
    text = mgnas("presets", cwd=tmp_path).stdout
    assert "768 KiB of flash, 192 KiB of SRAM, 6,400,000 MACs" in text
    targets = {
        one["name"]: one for one in json.loads(mgnas("presets", "--json", cwd=tmp_path).stdout)["targets"]
    }
    assert targets["arduino-nano-33-ble"]["limits"]["max_sram_kib"] == 192
    assert targets["arduino-nano-33-ble"]["formats"] == ["spec", "safetensors", "c"]
    assert targets["browser"]["limits"] == {"max_params": 1_000_000}
