"""The directly written ONNX graph computes the same as torch, for every built-in family."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from torch import Tensor, nn

from results.export.onnx_file import OPSET, write_onnx
from results.export.onnx_graph import UnsupportedOperatorError, recorded_model
from results.export.source import Source
from space.modules import Classifier, build
from space.networks.spec import Spec
from space.notation.parse import parse_notation
from tests.support.export_study import trained_weights
from tests.support.onnx_models import SIZE, classifier_of
from tests.support.profiles import examples
from tests.support.strategies import networks


def check(classifier: Classifier) -> None:
    """The model agrees with torch for batches of other sizes than the one that was recorded."""
    channels = len(classifier.trained.mean)
    model = recorded_model(classifier, torch.rand(3, channels, *SIZE), OPSET)
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for batch in (1, 4):
        images = torch.rand(batch, channels, *SIZE)
        (got,) = session.run(["logits"], {"images": images.numpy()})
        with torch.no_grad():
            expected = classifier(images).numpy()
        scale = max(1.0, float(np.abs(expected).max()))
        np.testing.assert_allclose(got / scale, expected / scale, rtol=0, atol=1e-4)


@examples(60)
@given(networks())
def test_every_built_in_network_is_written_and_agrees_with_torch(spec: Spec) -> None:
    torch.manual_seed(0)
    check(classifier_of(spec, build(spec)))


def test_the_mirror_image_is_part_of_the_graph() -> None:
    spec = parse_notation("MgNet[2,1]-[(4,3),(5,6)]-B^l", in_channels=3, num_classes=3)
    check(classifier_of(spec, build(spec), test_flip=True))


class Reshaping(nn.Module):
    """What a user's family may do: a reshape by the number of images, which is not recorded."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Any:
        return self.network(images.reshape(images.shape[0], -1).reshape(images.shape))


@pytest.mark.slow
def test_an_operator_without_an_entry_is_left_to_the_exporter(tmp_path: Path) -> None:
    spec = parse_notation("MgNet[1]-[(4,3)]-B^l", in_channels=3, num_classes=3)
    classifier = classifier_of(spec, Reshaping(build(spec)))
    with pytest.raises(UnsupportedOperatorError, match=r"aten\."):
        recorded_model(classifier, torch.rand(3, 3, *SIZE), OPSET)
    source = Source(spec)
    source.__dict__["classifier"] = classifier
    write_onnx(source, tmp_path)
    model = onnx.load(tmp_path / "model.onnx")
    assert (model.producer_name, model.ir_version) == ("pytorch", 8)


@pytest.mark.slow
def test_a_built_in_network_does_not_wait_for_the_exporter(tmp_path: Path) -> None:
    spec = parse_notation("MgNet[1,1]-4-B^l", in_channels=3, num_classes=3)
    trained_weights(tmp_path / "w", spec)
    code = (
        "import sys; from pathlib import Path; from space.notation.parse import parse_notation; "
        "from results.export.onnx_file import write_onnx; from results.export.source import Source; "
        "spec = parse_notation('MgNet[1,1]-4-B^l', in_channels=3, num_classes=3); "
        f"write_onnx(Source(spec, Path({str(tmp_path / 'w')!r})), Path({str(tmp_path)!r})); "
        "print({'onnxscript', 'torch._dynamo'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    assert onnx.load(tmp_path / "model.onnx").producer_name == "mgnas"


class TwoHeads(nn.Module):
    """A family that transposes a matrix once and applies it twice."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.square = nn.Linear(3, 3)

    def forward(self, images: Tensor) -> Any:
        matrix, x = self.square.weight.t(), self.network(images)
        return torch.addmm(self.square.bias, torch.addmm(self.square.bias, x, matrix), matrix)


def test_matrix_of_a_linear_layer_is_constant_and_no_node_is_unused() -> None:
    spec = parse_notation("MgNet[1]-4-B^l", in_channels=3, num_classes=3)
    classifier = classifier_of(spec, TwoHeads(build(spec)))
    check(classifier)
    nodes = recorded_model(classifier, torch.rand(3, 3, *SIZE), OPSET).graph.node
    assert [node.op_type for node in nodes].count("Gemm") == 3
    assert "Transpose" not in {node.op_type for node in nodes}
    used = {name for node in nodes for name in node.input} | {"logits"}
    assert all(set(node.output) & used for node in nodes)
