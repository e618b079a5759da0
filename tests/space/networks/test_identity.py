"""One identity per network: canonical forms, stable hashes, and loading specs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from pydantic import ValidationError

from space.core.errors import InvalidInputError
from space.networks.load import load_spec, read_spec
from space.networks.mgnet import MgNetSpec
from space.notation.parse import parse_notation
from tests.support.strategies import specs

GOLDEN = Path(__file__).with_name("identities.json")


def test_identities_have_not_changed() -> None:
    """The golden file is made by ``python -m tests.space.networks.make_identities``; changes break old studies."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len(golden) >= 24
    for notation, arch in golden.items():
        assert parse_notation(notation).arch == arch


def test_one_iteration_leaves_nothing_to_share() -> None:
    archs = {
        parse_notation(f"MgNet[1,1]-8{a}-{b}").arch for a in ("", "-A^{l,i}") for b in ("B^l", "B^{l,i}")
    }
    assert len(archs) == 1


def test_different_networks_differ() -> None:
    texts = ["MgNet[1,2]-8-B^l", "MgNet[2,1]-8-B^l", "MgNet[1,2]-8-B^{l,i}", "MgNet[1,2]-8-A^{l,i}-B^l"]
    specs_ = [parse_notation(text) for text in texts] + [parse_notation(texts[0], num_classes=3)]
    assert len({spec.arch for spec in specs_}) == len(specs_)


@given(spec=specs())
def test_canonical_form_is_idempotent_and_keeps_counts(spec: MgNetSpec) -> None:
    canonical = spec.canonical()
    assert canonical.canonical() == canonical
    assert canonical.arch == spec.arch
    assert canonical.params == spec.params
    assert canonical.macs(7) == spec.macs(7)


@given(spec=specs())
def test_plain_data_round_trip(spec: MgNetSpec) -> None:
    assert load_spec(json.loads(json.dumps(spec.to_dict()))) == spec


def test_specs_are_frozen() -> None:
    spec = parse_notation("MgNet[1]-8-B^l")
    with pytest.raises(ValidationError, match="frozen"):
        spec.num_classes = 3


def test_spec_files(tmp_path: Path) -> None:
    spec = parse_notation("MgNet[2,1]-[(3,4),(5,6)]-B^l", in_channels=1, num_classes=4)
    file = tmp_path / "spec.json"
    file.write_text(json.dumps(spec.to_dict()), encoding="utf-8")
    assert read_spec(str(file)) == spec


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "is not JSON"),
        ("[1]", "family must be one of"),
        ('{"family": "mgnett", "levels": []}', "did you mean 'mgnet'"),
        ('{"levels": []}', "levels: "),
        ('{"levels": [{"nu": 1, "c_u": 4}]}', "levels.0.c_f: this key is missing"),
        ('{"levels": [{"nu": 0, "c_u": 4, "c_f": 4}]}', "levels.0.nu: .* greater than 0, but got 0"),
        ('{"levels": [{"nu": 1, "c_u": true, "c_f": 4}]}', "levels.0.c_u: .*valid integer, but got true"),
        ('{"levels": [{"nu": 1, "c_u": 4, "c_f": "4"}]}', "levels.0.c_f: .*valid integer, but got '4'"),
        ('{"levels": [{"nu": 1.0, "c_u": 4, "c_f": 4}]}', "levels.0.nu: .*valid integer, but got 1.0"),
        ('{"levels": [{"nu": 1, "c_u": 4, "c_f": 4}], "in_channels": "3"}', "in_channels: .*but got '3'"),
        ('{"levels": [{"nu": 1, "c_u": 4, "c_f": 4}], "num_classes": true}', "num_classes: .*but got true"),
        ('{"levels": [{"nuu": 1, "c_u": 4, "c_f": 4}]}', "unknown key 'levels.0.nuu'; did you mean 'nu'"),
        ("[" * 100_000, "is not a spec: its lists or objects are nested too deeply"),
        ('{"levels": ' + "9" * 5000 + "}", "cannot be read as a spec file"),
        (
            '{"levels": [{"nu": 1, "c_u": 4, "c_f": 4}], "sharea": "level"}',
            "unknown key 'sharea'; did you mean 'share_a'",
        ),
    ],
    ids=range(15),
)  # fmt: skip
def test_bad_spec_files_say_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "spec.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=says) as caught:
        read_spec(str(file))
    assert "spec.json" in str(caught.value)  # a long path is shortened


def test_files_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "spec.json"
    file.write_bytes(b'{"family": "\xff\xfe"}')
    with pytest.raises(InvalidInputError, match=r"spec\.json is not JSON: it is not UTF-8 text"):
        read_spec(str(file))
    with pytest.raises(InvalidInputError, match="cannot be read as a spec file"):
        read_spec("a\0b.json")
    folder = tmp_path / "folder.json"
    folder.mkdir()
    with pytest.raises(InvalidInputError, match=r"cannot read the spec file .*folder\.json: Is a directory"):
        read_spec(str(folder))
    with pytest.raises(
        InvalidInputError, match=r"cannot read the spec file .*: File name too long"
    ) as caught:
        read_spec("x" * 10**6 + ".json")
    assert len(str(caught.value)) < 300


def test_missing_spec_file() -> None:
    with pytest.raises(InvalidInputError, match=r"cannot read the spec file nowhere\.json"):
        read_spec("nowhere.json")
