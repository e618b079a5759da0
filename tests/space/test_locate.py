"""Networks as points of a space: the inverse map finds exactly the networks of the space."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.study.study_file import read_preset
from space.config import SpaceConfig
from space.networks.mgnet import MgNetSpec
from space.networks.references import read_reference
from space.notation.parse import parse_notation
from space.search_space import SearchSpace
from tests.space.test_mixed_spaces import make_space
from tests.support.profiles import examples


@examples(300)
@given(st.integers(0, 10**9))
def test_every_network_of_a_space_is_found_in_it(seed: int) -> None:
    """Where several points make a network, one of them."""
    space = make_space(levels=[1, 2], nu=[1, 2], stem_channels=[3, 8])
    point = space.sample(random.Random(seed))
    spec = space.spec(point)
    found = space.locate(spec, space.training(point))
    assert found is not None
    assert space.spec(found) == spec
    assert space.training(found) == space.training(point)
    assert list(space.hyperparameters_of(found)) == list(found)


@pytest.mark.parametrize(
    "changes",
    [
        {"nu": [1, 3]},
        {"levels": 1},
        {"c_u": [8, 16]},
        {"smoother": "linear", "c_f": "c_u"},
        {"family": "resnet"},
    ],
)
def test_a_network_with_another_value_is_not(changes: dict[str, object]) -> None:
    spec = parse_notation("MgNet[2,2]-[12,20]-B^{l,i}")
    assert make_space(train={}).locate(spec) is not None
    assert make_space(train={}, **changes).locate(spec) is None


def test_nor_one_for_other_images_or_with_a_hyperparameter_that_the_space_does_not_have() -> None:
    spec = parse_notation("MgNet[2,2]-[12,20]-B^{l,i}")
    assert isinstance(spec, MgNetSpec)
    space = make_space(train={}, activation="relu")
    assert space.locate(spec) is not None
    assert space.locate(spec.replaced(num_classes=11)) is None
    assert space.locate(spec.replaced(in_channels=1)) is None
    assert space.locate(spec.replaced(activation="gelu")) is None


def test_a_searched_training_must_be_known() -> None:
    spec = parse_notation("MgNet[2,2]-[12,20]-B^{l,i}")
    space = make_space()
    assert space.locate(spec) is None
    assert space.locate(spec, {"lr": 0.1}) is None
    assert space.locate(spec, {"lr": 3.0, "flip": True}) is None
    found = space.locate(spec, {"lr": 0.1, "flip": True})
    assert found is not None
    assert space.training(found) == {"lr": 0.1, "flip": True}


def test_increments_are_read_from_widths() -> None:
    config = {"levels": 3, "nu": [2], "c_u": {"first": [4, 8], "increment": [0, 4, 8]}, "share_b": "level"}
    space = SearchSpace(SpaceConfig.model_validate(config))
    found = space.locate(parse_notation("MgNet[2,2,2]-[8,8,16]-B^l"))
    assert found == {"c_u_1": 8, "c_u_2_increment": 0, "c_u_3_increment": 8}
    assert space.locate(parse_notation("MgNet[2,2,2]-[8,4,16]-B^l")) is None


@pytest.mark.parametrize(
    ("preset", "references"),
    [("cifar10-small", ["resnet18@0.25", "mgnet-64-Bli"]), ("cifar10-paper", ["mgnet-256-Bl"])],
)
def test_references_of_the_presets_are_points_of_their_spaces(preset: str, references: list[str]) -> None:
    space = SearchSpace(SpaceConfig.model_validate(read_preset(preset)["space"]))
    for name in references:
        assert space.locate(read_reference(name).spec()) is not None
