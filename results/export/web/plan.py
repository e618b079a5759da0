"""The steps of an ONNX model for ``network.js``: operators with fixed shapes, and constants that are stored once."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

OPERATORS = (
    "Add", "AveragePool", "BatchNormalization", "Concat", "Conv", "Div", "Erf", "Flatten", "Gather", "Gemm",
    "GlobalAveragePool", "HardSwish", "Identity", "LeakyRelu", "MatMul", "MaxPool", "Mul", "Pow", "Reciprocal",
    "ReduceMean", "Relu", "Reshape", "Sigmoid", "Slice", "Sub", "Transpose", "Zeros",
)  # fmt: skip
"""The operators of ``network.js``: those of ONNX, and ``Zeros``, a block of zeros of the shape ``shape``."""
ARGUMENTS = {
    "Gather": ("indices",),
    "ReduceMean": ("axes",),
    "Reshape": ("shape",),
    "Slice": ("starts", "ends", "axes", "steps"),
}
"""Inputs that must be constant, from the second one: they become attributes."""


class UnsupportedStepError(Exception):
    """The model has an operator, or a form of one, outside ``OPERATORS``."""


@dataclass
class Plan:
    """The steps of a network for one image.

    Attributes:
        shape: Shape of the input ``images``: 1 C H W.
        steps: Operator, names of the inputs, name of the output, and attributes of each step.
        constants: float32 arrays by name.
    """

    shape: tuple[int, ...]
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = field(default_factory=list)
    constants: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """Return the plan as plain data: the constants are one base64 text of little-endian float32."""
        places, begin = {}, 0
        for name, array in self.constants.items():
            places[name] = [begin, list(array.shape)]
            begin += array.size
        data = b"".join(array.astype("<f4").tobytes() for array in self.constants.values())
        return {
            "input": list(self.shape),
            "steps": self.steps,
            "constants": places,
            "weights": base64.b64encode(data).decode("ascii"),
        }


def plan_of(model: ModelProto) -> Plan:
    """Return the steps of a model with the input ``images`` N C H W and the output ``logits``, for one image.

    Whatever depends on constants and on the shape of the images alone is computed here.

    Raises:
        UnsupportedStepError: ``network.js`` cannot run the model.
    """
    from onnx import numpy_helper

    sizes = [size.dim_value for size in model.graph.input[0].type.tensor_type.shape.dim[1:]]
    plan = Plan((1, *sizes))
    known = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "Shape" and list(node.input) == ["images"]:
            part = {one.name: one.i for one in node.attribute}  # start and end
            known[node.output[0]] = np.array(plan.shape, np.int64)[part.get("start") : part.get("end")]
        elif node.op_type == "ConstantOfShape" and node.input[0] in known:
            plan.steps.append(("Zeros", [], node.output[0], {"shape": known[node.input[0]].tolist()}))
        elif all(name in known for name in node.input):
            known[node.output[0]] = _computed(node, known, model)
        else:
            plan.steps.append(_step(node, known))
    used = {name for _, inputs, _, _ in plan.steps for name in inputs}
    for name in known:
        if name in used:
            plan.constants[name] = known[name].astype(np.float32)
    return plan


def _computed(node: NodeProto, known: dict[str, NDArray[Any]], model: ModelProto) -> NDArray[Any]:
    """Return the output of a node whose inputs are constant."""
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    inputs = [helper.make_value_info(name, helper.make_tensor_type_proto(0, None)) for name in node.input]
    outputs = [helper.make_value_info(node.output[0], helper.make_tensor_type_proto(0, None))]
    graph = helper.make_graph([node], "constant", inputs, outputs)
    single = helper.make_model(graph, opset_imports=model.opset_import)
    try:
        (result,) = ReferenceEvaluator(single).run(None, {name: known[name] for name in node.input})
    except Exception as error:  # its errors share no base
        raise UnsupportedStepError(f"the operator {node.op_type} of constants") from error
    return np.asarray(result)


def _step(node: NodeProto, known: dict[str, NDArray[Any]]) -> tuple[str, list[str], str, dict[str, Any]]:
    """Return a node as a step; its constant arguments become attributes."""
    from onnx import helper

    if node.op_type not in OPERATORS or node.domain not in ("", "ai.onnx"):
        raise UnsupportedStepError(f"the operator {node.op_type}")
    attributes = {one.name: _plain(helper.get_attribute_value(one)) for one in node.attribute}
    for name in ("auto_pad", "ceil_mode"):
        if attributes.pop(name, 0) not in (0, "NOTSET"):
            raise UnsupportedStepError(f"{node.op_type} with {name}")
    inputs = list(node.input)
    if names := ARGUMENTS.get(node.op_type):
        for name, value in zip(names, inputs[1:], strict=False):
            if value and value not in known:
                raise UnsupportedStepError(f"{node.op_type} with computed {name}")
            if value:
                attributes[name] = known[value].tolist()
        inputs = inputs[:1]
    if sum(bool(name) for name in node.output) != 1 or "" in inputs:
        raise UnsupportedStepError(f"{node.op_type} with several outputs or omitted inputs")
    return node.op_type, inputs, node.output[0], attributes


def _plain(value: Any) -> Any:
    """Return the value of an attribute as plain data."""
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, int | float | str) else list(value)
