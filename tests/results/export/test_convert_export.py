"""examples/convert_export.py: the parts that need no converter."""

from __future__ import annotations

import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from results.export.folder import export_trial
from results.open import Study
from tests.support.export_study import GREY, SIZES, make_study

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "examples" / "convert_export.py"))


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def export(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_trial(study, study.trial(0), tmp_path_factory.mktemp("python") / "out", ["python"]).folder


class Twice(nn.Module):
    """A convolution that is applied twice."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Any:
        return self.a(self.a(x))


def uses_of(graph_module: Any) -> Counter[str]:
    nodes = [node for node in graph_module.graph.nodes if node.op == "get_attr"]
    return Counter(node.target for node in nodes for _ in node.users)


def test_unshared_network_has_a_weight_for_each_use_and_equal_logits(script: dict[str, Any]) -> None:
    network, image = Twice().eval(), torch.rand(1, 2, 5, 5)
    assert set(uses_of(torch.export.export(network, (image,)).module()).values()) == {2}
    unshared = script["unshared"](network, image)
    assert set(uses_of(unshared).values()) == {1}
    with torch.no_grad():
        torch.testing.assert_close(unshared(image), network(image))
        unshared.a.weight.zero_()  # the other use keeps its weights
        assert not torch.allclose(unshared(image), network.a.bias[None, :, None, None].expand(1, 2, 5, 5))


@pytest.mark.parametrize(("wrong", "code"), [(0.0, 0), (1.0, 1)])
def test_result_is_kept_only_if_its_logits_are_equal(
    script: dict[str, Any],
    export: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    wrong: float,
    code: int,
) -> None:
    def write(network: nn.Module, image: Tensor, path: Path) -> Any:
        assert image.shape == (1, GREY.in_channels, *SIZES[1])
        path.write_bytes(b"x" * 1500)
        return lambda one: network(one).detach() + wrong

    script["WRITERS"][".pte"] = write
    file = tmp_path / "model.pte"
    assert script["main"]([str(export), str(file)]) == code
    assert [path.name for path in tmp_path.iterdir()] == (["model.pte"] if code == 0 else [])
    captured = capsys.readouterr()
    assert "100 % of the classes agree" in captured.out
    assert ("was not written" in captured.err) == bool(code)


def test_missing_arguments_and_an_export_without_model_py_are_one_line(
    script: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script["main"](["exports/best", "model.onnx"]) == 2
    assert "usage" in capsys.readouterr().err
    with pytest.raises(SystemExit, match=r"has no model\.py: export the network with --formats python"):
        script["main"]([str(tmp_path), "model.pte"])
