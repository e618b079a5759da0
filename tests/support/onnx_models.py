"""ONNX models for tests: of small graphs, and the classifiers to record models from."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from results.export.onnx_file import OPSET
from space.modules import Classifier, Trained
from space.networks.spec import Spec

SIZE = (9, 11)
"""Height and width of the images of ``classifier_of``."""
SHAPE = (3, 6, 5)
"""C H W of the images of ``model_of``."""
RNG = np.random.default_rng(0)


def classifier_of(spec: Spec, network: nn.Module, *, test_flip: bool = False) -> Classifier:
    channels = spec.in_channels
    trained = Trained(
        spec=spec.to_dict(), mean=(0.4,) * channels, std=(0.3,) * channels, image_size=SIZE,
        classes=tuple(map(str, range(spec.num_classes))), data="toy", seed=0, epochs=1, val_accuracy=0.5,
        test_flip=test_flip,
    )  # fmt: skip
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor += 0.2 * torch.rand(tensor.shape)  # so that no batch norm is the identity
    return Classifier(network, trained).eval()


def model_of(*nodes: onnx.NodeProto, **constants: Any) -> onnx.ModelProto:
    """A model from the input ``images`` to the output ``logits``."""
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", *SHAPE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def node(kind: str, *inputs: str, output: str = "logits", **attributes: Any) -> onnx.NodeProto:
    """A node with one output."""
    return helper.make_node(kind, list(inputs), [output], **attributes)


def floats(*shape: int) -> NDArray[np.float32]:
    """Random numbers."""
    return RNG.standard_normal(shape, dtype=np.float32)
