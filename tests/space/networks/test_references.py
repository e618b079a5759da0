"""The networks of the papers: their published numbers, names and scales."""

from __future__ import annotations

import json
import re

import pytest
import torch

from space.core.errors import InvalidInputError
from space.modules.build import build
from space.networks.load import read_spec
from space.networks.references import REFERENCES, find_reference, read_reference, scaled
from space.notation.parse import parse_notation

EXACT = {
    "mgnet-256-Bl": 8_278_794,
    "mgnet-256-Bli": 10_638_090,
    "mgnet-128-Bl": 2_075_018,
    "mgnet-64-Bli": 668_874,
    "resnet18": 11_173_962,
    "resnet34": 21_282_122,
    "resnet8": 78_042,  # without biases of convolutions and running statistics: 78,666 with them
    "wide-resnet16-1": 175_066,
    "resnet18-Al-Bli": 11_173_962 - 9 * (64**2 + 128**2 + 256**2 + 512**2),
    "resnet18-imagenet": 11_689_512,
    "resnet34-imagenet": 21_797_672,
}
# given in millions, sometimes cut off instead of rounded
ROUNDED = {
    "resnet20": 0.27,
    "resnet32": 0.46,
    "resnet44": 0.66,
    "resnet56": 0.85,
    "mgnet-imagenet": 71.3,
    "preact-resnet1001": 10.2,
    "wide-resnet28-10": 36.5,
    "wide-resnet40-1": 0.6,
    "poly-mgnet": 1.3,
}


def test_every_reference_has_a_figure_to_compare_with() -> None:
    assert set(EXACT) | set(ROUNDED) == set(REFERENCES)
    assert all(reference.source for reference in REFERENCES.values())


@pytest.mark.parametrize("name", EXACT)
def test_parameters_are_the_published_ones(name: str) -> None:
    assert REFERENCES[name].spec().params == EXACT[name]


@pytest.mark.parametrize("name", ROUNDED)
def test_parameters_agree_with_rounded_figures(name: str) -> None:
    millions = REFERENCES[name].spec().params / 1e6
    assert ROUNDED[name] - 0.05 <= millions < ROUNDED[name] + 0.13


@pytest.mark.parametrize("reference", REFERENCES.values(), ids=str)
def test_published_parameters_as_text_are_those_of_the_network(reference) -> None:
    """What people read beside the exact number agrees with it to a tenth of a million."""
    number, unit = re.search(r"([\d.,]+)(M?)", reference.params).groups()
    published = float(number.replace(",", "")) * (1e6 if unit else 1)
    assert published == pytest.approx(reference.spec().params, abs=130_000 if unit else 0)


@pytest.mark.parametrize("name", REFERENCES)
def test_the_built_network_has_as_many(name: str) -> None:
    spec = REFERENCES[name].spec()
    with torch.device("meta"):
        network = build(spec)
    assert sum(p.numel() for p in network.parameters()) == spec.params


def test_a_reference_is_read_by_name_as_it_was_published() -> None:
    assert read_spec("resnet18") == parse_notation("ResNet18")
    assert read_spec("resnet18-imagenet").num_classes == 1000
    assert read_spec("resnet18-imagenet", num_classes=7, in_channels=1).num_classes == 7
    assert read_spec("mgnet-256-Bl", num_classes=100).params == 8_278_794 + 90 * 257


def test_scales_multiply_every_width() -> None:
    assert read_spec("resnet18@0.25").notation == "ResNet[2,2,2,2]-[16,32,64,128]"
    assert read_spec("mgnet-256-Bl@0.125").notation == "MgNet[2,2,2,2]-32-B^l"
    wide = read_spec("wide-resnet28-10@0.1")
    assert wide.notation == "PreActResNet[4,4,4]-[16,32,64]-stem_channels=2"
    assert read_spec("resnet18@1") == read_spec("resnet18")
    assert min(level.c_u for level in scaled(parse_notation("ResNet[1,1]-[1,9]"), 0.1).levels) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("resnet19", "there is no reference 'resnet19'; did you mean 'resnet1"),
        ("resnet18@", "must be a number from 1/64 to 8, but got ''"),
        ("resnet18@x", "must be a number from 1/64 to 8, but got 'x'"),
        ("resnet18@0", "must be a number from 1/64 to 8, but got '0'"),
        ("resnet18@inf", "but got 'inf'"),
        ("resnet18@nan", "but got 'nan'"),
        ("resnet18@-1", "but got '-1'"),
        ("resnet18@0.5@0.5", "but got '0.5@0.5'"),
        ("nothing@0.5", "there is no reference 'nothing'"),
    ],
)
def test_bad_references_say_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_reference(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_reference_may_be_a_notation() -> None:
    assert find_reference("MgNet[1]-8-B^l") is None


def test_specs_survive_json() -> None:
    for reference in REFERENCES.values():
        spec = reference.spec()
        assert type(spec).model_validate(json.loads(json.dumps(spec.to_dict()))) == spec


def test_misspelt_reference_is_suggested() -> None:
    with pytest.raises(InvalidInputError, match=r"cannot read 'resnet-18' .*; did you mean 'resnet18'\?$"):
        read_spec("resnet-18")
