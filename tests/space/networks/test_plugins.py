"""A user's families: registered from a file, counted on the built network, and named in errors."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from search.cli.describe_space import feasible_share
from space.config import SpaceConfig
from space.core.errors import InvalidInputError
from space.modules.build import build
from space.networks import families as registry
from space.networks.counts import total
from space.networks.load import load_spec
from space.networks.plugins import load_plugins
from space.notation.parse import parse_notation
from space.search_space import SearchSpace

EXAMPLE = Path(__file__).parents[3] / "examples" / "my_family.py"

TEMPLATE = """
from typing import Literal
import torch
from space.networks.families import register_family
from space.networks.spec import Spec

class {name}(Spec):
    family: Literal["{family}"] = "{family}"
    width: int = 3

def make(spec):
    {body}

register_family({name}, make)
"""


@pytest.fixture(autouse=True)
def _forget_families(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_families", dict(registry._families))
    import sys

    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("mgnas_plugin_"):
            del sys.modules[name]


def write(folder: Path, name: str = "LeafSpec", family: str = "leaf", body: str = "") -> Path:
    path = folder / "plugin.py"
    body = body or "return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(spec.num_classes))"
    path.write_text(TEMPLATE.format(name=name, family=family, body=body), encoding="utf-8")
    return path


def test_the_example_is_counted_and_built() -> None:
    load_plugins([EXAMPLE])
    spec = load_spec({"family": "plain", "depth": 3, "width": 4, "residual": True, "in_channels": 1})
    assert spec.notation == "Plain(depth=3,width=4,residual=true)"
    assert parse_notation(spec.notation, in_channels=1) == spec
    network = build(spec)
    assert network(torch.rand(2, 1, 7, 9)).shape == (2, 10)
    layers = spec.layers((8, 8))
    params = 9 * 4 + 2 * 9 * 16 + 3 * 8 + 4 * 10 + 10
    macs = 36 * 64 + 144 * 16 + 144 * 16 + 40
    assert total(layers)[:2] == (params, macs)
    assert sum(p.numel() for p in network.parameters()) == params
    assert [layer.name for layer in layers if layer.params] == [
        "blocks.0.0", "blocks.0.1", "blocks.1.0", "blocks.1.1", "blocks.2.0", "blocks.2.1", "head",
    ]  # fmt: skip
    assert all(layer.macs >= 0 and layer.activation_bytes >= 0 for layer in layers)


def test_strided_projections_of_few_channels_are_computed_without_a_stride(tmp_path: Path) -> None:
    layers = ("3, 4, 1, stride=(2, 3)", "4, 4, 1, stride=2, padding=1", "4, 16, 1", "16, 2, 1, stride=2")
    made = ", ".join(f"torch.nn.Conv2d({layer})" for layer in layers)
    load_plugins([write(tmp_path, body=f"return torch.nn.Sequential({made})")])
    network = build(load_spec({"family": "leaf"}))
    kinds = [type(layer).__name__ for layer in network.children()]
    assert kinds == ["ThinProjection", "Conv2d", "Conv2d", "Conv2d"]
    images = torch.rand(2, 3, 7, 8)
    plain = torch.nn.Conv2d(3, 4, 1, stride=(2, 3))
    plain.load_state_dict(network[0].state_dict())
    torch.testing.assert_close(network[0](images), plain(images))


def test_hyperparameters_without_effect_drop_out_of_the_examples_identity() -> None:
    load_plugins([EXAMPLE])
    one, other = (parse_notation(f"Plain(depth=2,width=4{more})") for more in ("", ",residual=true"))
    assert one != other
    assert one.arch == other.arch


def test_a_space_of_two_families() -> None:
    load_plugins([EXAMPLE])
    tables = {
        "family": ["plain", "mgnet"],
        "families": {"plain": {"depth": {"low": 1, "high": 3}, "width": [4, 8]}},
        "levels": 1,
        "nu": [1, 2],
        "c_u": [4],
        "share_b": "level",
    }
    space = SearchSpace(SpaceConfig.model_validate(tables), in_channels=1, image_size=8)
    points = list(space.points())
    assert space.size() == len(points) == 3 * 2 + 2
    assert {space.spec(point).family for point in points} == {"plain", "mgnet"}
    assert space.params_range()[0] == min(space.spec(point).params for point in points)
    assert space.params_range()[1] == max(space.spec(point).params for point in points)
    tight = SearchSpace(SpaceConfig.model_validate(tables | {"max_params": 300}), in_channels=1, image_size=8)
    feasible = list(tight.feasible_points())
    assert feasible == [point for point in points if space.spec(point).params <= 300]
    assert feasible


@pytest.mark.parametrize(
    ("space", "says"),
    [
        ({"family": "plain", "families": {"plain": {"depht": 1}}}, "no field 'depht' .*did you mean 'depth'"),
        ({"families": {"plain": {"depth": 1}}}, "families.plain is for a family of a plugin that family"),
        ({"family": "mgnet", "families": {"mgnet": {"levels": 1}}}, "families.mgnet is for a family of a"),
        ({"family": "plane"}, "must be one of .*'plain'.* but got 'plane'; did you mean 'plain'"),
    ],
)  # fmt: skip
def test_spaces_of_own_families_are_checked(space: dict[str, object], says: str) -> None:
    load_plugins([EXAMPLE])
    with pytest.raises(ValueError, match=says):
        SpaceConfig.model_validate(space)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"depth": 0, "width": 4}, "space.families.plain: depth: must be greater than 0, but got 0"),
        ({"depth": 2}, "space.families.plain: width: this key is missing"),
    ],
)
def test_values_that_the_spec_refuses_are_told_in_one_line(fields: dict[str, object], says: str) -> None:
    load_plugins([EXAMPLE])
    config = SpaceConfig.model_validate({"family": "plain", "families": {"plain": fields}})
    with pytest.raises(InvalidInputError) as caught:
        SearchSpace(config).check_feasible()
    assert str(caught.value).startswith(says)


def test_a_plugin_is_run_once_as_long_as_it_stays_the_same(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    path = write(tmp_path)
    mark = f"\nwith open({str(marks)!r}, 'a') as file:\n    file.write('x')\n"
    path.write_text(path.read_text() + mark, encoding="utf-8")
    load_plugins([path, path])
    load_plugins([path])
    assert marks.read_text() == "x"
    path.write_text(path.read_text() + "\n# changed\n", encoding="utf-8")
    load_plugins([path])
    assert marks.read_text() == "xx"
    assert not (tmp_path / "__pycache__").exists()


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("x = 1", "registers no family"),
        ("x = 1\nraise ValueError('a\\nb')", "line 2: ValueError: a b"),
        ("def f(:\n", "line 1: SyntaxError"),
        ("import nowhere_at_all", "ModuleNotFoundError"),
        ("from space import register_family\nregister_family(int, print)", "takes a type derived from Spec"),
        (
            "from space import Spec, register_family\nclass S(Spec):\n    pass\nregister_family(S, print)",
            "needs a family name as default",
        ),
        (
            "from space import MgNetSpec, register_family\nclass S(MgNetSpec):\n    pass\n"
            "register_family(S, print)",
            "the family 'mgnet' of S is already that of MgNetSpec",
        ),
        (
            "from typing import Literal\nfrom space import Spec, register_family\nclass S(Spec):\n"
            "    family: Literal['s'] = 's'\nregister_family(S, 3)",
            "must be callable, but got 3",
        ),
    ],
)
def test_bad_plugins_are_told_in_one_line(tmp_path: Path, source: str, says: str) -> None:
    path = tmp_path / "bad.py"
    path.write_text(source, encoding="utf-8")
    with pytest.raises(InvalidInputError, match=says) as caught:
        load_plugins([path])
    assert "\n" not in str(caught.value)


def test_missing_plugins(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"cannot read the plugin .*nothing\.py: No such file"):
        load_plugins([tmp_path / "nothing.py"])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise RuntimeError('no such thing')", "cannot be built .*RuntimeError: no such thing"),
        ("return torch.nn.Flatten()", "must map N images to logits N x 10, but gave N x 192"),
    ],
)
def test_networks_that_do_not_work_are_told_in_one_line(tmp_path: Path, body: str, says: str) -> None:
    load_plugins([write(tmp_path, body=body)])
    spec = load_spec({"family": "leaf"})
    with pytest.raises(InvalidInputError, match=says):
        spec.counts((8, 8))


def test_the_examples_canonical_form_keeps_what_has_an_effect() -> None:
    load_plugins([EXAMPLE])
    one, other = (parse_notation(f"Plain(depth=1,width=3{more})") for more in ("", ",residual=true"))
    assert one.arch != other.arch  # three channels in, three out: the shortcut does something


def test_parameters_need_no_image(tmp_path: Path) -> None:
    body = (
        "return torch.nn.Sequential(torch.nn.MaxPool2d(2), torch.nn.Conv2d(3, 5, 3), "
        "torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(5, spec.num_classes))"
    )
    load_plugins([write(tmp_path, body=body)])
    spec = load_spec({"family": "leaf"})
    assert spec.params == 27 * 5 + 5 + 60
    assert spec.counts((8, 8)).params == spec.params
    with pytest.raises(InvalidInputError, match="cannot be built for images of 1 x 1"):
        spec.counts(1)


def test_loading_an_older_version_again_brings_it_back(tmp_path: Path) -> None:
    def version(width: int) -> Path:
        path = tmp_path / f"v{width}.py"
        head = f"return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, {width}), "
        source = write(tmp_path, body=f"{head}torch.nn.Linear({width}, 10))").read_text(encoding="utf-8")
        path.write_text(source, encoding="utf-8")
        return path

    first, second = version(2), version(3)
    counts = []
    for path in (first, second, first):
        load_plugins([path])
        counts.append(load_spec({"family": "leaf"}).params)
    assert counts == [12 * 2 + 2 + 30, 12 * 3 + 3 + 40, 12 * 2 + 2 + 30]


def test_networks_that_cannot_be_built_are_turned_away(tmp_path: Path) -> None:
    body = (
        "assert spec.width % 2 == 0, 'odd'\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, spec.width), "
        "torch.nn.Linear(spec.width, 10))"
    )
    load_plugins([write(tmp_path, body=body)])
    tables = {"family": "leaf", "families": {"leaf": {"width": {"low": 1, "high": 9}}}}
    space = SearchSpace(SpaceConfig.model_validate(tables), in_channels=1, image_size=8)
    space.check_feasible()
    assert feasible_share(space, random.Random(0))[0] == 4 / 9
    assert [point["leaf.width"] for point in space.feasible_points()] == [2, 4, 6, 8]
    assert space.params_extremes == (64 * 2 + 2 + 30, 64 * 8 + 8 + 90)
    none = SearchSpace(
        SpaceConfig.model_validate(tables | {"families": {"leaf": {"width": [3, 5]}}}), image_size=8
    )
    with pytest.raises(InvalidInputError, match=r"cannot be built.*odd"):
        none.check_feasible()


def test_fields_that_cannot_be_hashed_and_sets_have_one_identity(tmp_path: Path) -> None:
    path = write(tmp_path, body="return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 10))")
    source = path.read_text(encoding="utf-8").replace(
        "    width: int = 3", "    widths: list[int] = [4, 8]\n    words: frozenset[str] = frozenset()"
    )
    path.write_text(source, encoding="utf-8")
    load_plugins([path])
    spec = load_spec({"family": "leaf", "words": ["a", "trueish", "c"], "widths": [1]})
    assert spec.counts(2).params == 130
    assert spec.arch == load_spec({"family": "leaf", "words": ["c", "a", "trueish"], "widths": [1]}).arch
    assert parse_notation(spec.notation) == spec
    assert load_spec({"family": "leaf"}).arch == load_spec({"family": "leaf", "widths": [4, 8]}).arch


def test_memory_of_tokens_and_modules_with_two_names(tmp_path: Path) -> None:
    path = write(tmp_path, body="return Tokens(spec)")
    path.write_text(
        path.read_text(encoding="utf-8")
        + """
class Tokens(torch.nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.mix = torch.nn.Linear(3, 5)
        self.again = self.mix
        self.head = torch.nn.Linear(5, 10)

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2) + torch.zeros(3)
        return self.head(self.again(tokens).mean(dim=1))
""",
        encoding="utf-8",
    )
    load_plugins([path])
    counts = load_spec({"family": "leaf"}).counts((4, 4))
    assert counts[:3] == (15 + 5 + 60, 16 * 15 + 50, 4 * (16 * 3 + 5))


def test_a_family_derived_from_mgnet_has_its_hyperparameters_and_its_own(tmp_path: Path) -> None:
    path = tmp_path / "derived.py"
    path.write_text(
        """
from typing import Literal
from space.networks.families import register_family
from space.networks.mgnet import MgNetSpec
from space.modules.mgnet import MgNet

class DerivedSpec(MgNetSpec):
    family: Literal["derived"] = "derived"
    notation_name = "Derived"
    extra: int = 1

register_family(DerivedSpec, MgNet)
""",
        encoding="utf-8",
    )
    load_plugins([path])
    tables = {"family": "derived", "c_u": [4], "families": {"derived": {"extra": [2, 3]}}}
    space = SearchSpace(SpaceConfig.model_validate(tables))
    spec = space.spec(space.smallest_point())
    assert (spec.family, spec.levels[0].c_u) == ("derived", 4)
    assert "derived.extra" in space.hyperparameters()


def test_fields_that_json_cannot_hold_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path, body="return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 10))")
    source = path.read_text(encoding="utf-8").replace("width: int = 3", "width: float = float('nan')")
    path.write_text(source, encoding="utf-8")
    load_plugins([path])
    assert load_spec({"family": "leaf"}).counts(2).params == 130
