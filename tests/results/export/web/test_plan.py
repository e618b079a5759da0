"""The steps of a page: constants once, arguments as attributes, and clear refusals."""

from __future__ import annotations

import base64
import json
import re
from importlib.resources import files

import numpy as np
import onnx
import pytest
import torch

from results.export.onnx_file import OPSET
from results.export.onnx_graph import recorded_model
from results.export.web.plan import OPERATORS, UnsupportedStepError, plan_of
from space.modules import build
from space.notation.parse import parse_notation
from tests.support.onnx_models import SHAPE, SIZE, classifier_of, floats, model_of, node


def test_weights_that_iterations_share_are_stored_once() -> None:
    deep, flat = (parse_notation(f"MgNet[{n}]-6-B^l", in_channels=3, num_classes=3) for n in (8, 1))
    plans = [
        plan_of(recorded_model(classifier_of(spec, build(spec)), torch.rand(3, 3, *SIZE), OPSET))
        for spec in (deep, flat)
    ]
    kernels = [
        {n for n, array in plan.constants.items() if array.ndim == 4 and array.size > 3} for plan in plans
    ]
    assert kernels[0] == kernels[1]
    stored = sum(array.size for array in plans[0].constants.values())
    assert len(base64.b64decode(plans[0].facts()["weights"])) == 4 * stored
    assert json.loads(json.dumps(plans[0].facts()))["input"] == [1, 3, *SIZE]


def test_what_depends_on_constants_and_the_shape_is_computed_before() -> None:
    model = model_of(
        node("Shape", "images", output="shape"),
        node("Gather", "shape", "first", output="batch", axis=0),
        node("Concat", "batch", "size", output="sizes", axis=0),
        node("ConstantOfShape", "sizes", output="zeros"),
        node("Transpose", "w", output="v"),
        node("Sub", "zeros", "v"),
        first=[0], size=[3, 2], w=floats(2, 3),
    )  # fmt: skip
    plan = plan_of(model)
    assert [step[0] for step in plan.steps] == ["Zeros", "Sub"]
    assert plan.steps[0][3] == {"shape": [1, 3, 2]}
    assert {name: array.shape for name, array in plan.constants.items()} == {"v": (3, 2)}


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (model_of(node("Softplus", "images")), "the operator Softplus"),
        (model_of(node("MatMul", "w", "w"), w=floats(2, 3)), "the operator MatMul of constants"),
        (model_of(node("MaxPool", "images", kernel_shape=[2, 2], ceil_mode=1)), "MaxPool with ceil_mode"),
        (
            model_of(node("Conv", "images", "w", auto_pad="SAME_UPPER"), w=floats(2, 3, 3, 3)),
            "Conv with auto_pad",
        ),
        (model_of(node("Relu", "images", output="x"), node("Reshape", "images", "x")), "computed shape"),
        (
            model_of(onnx.helper.make_node("MaxPool", ["images"], ["logits", "at"], kernel_shape=[2, 2])),
            "several outputs",
        ),
        (model_of(node("Gemm", "", "w", "images"), w=floats(2, 2)), "omitted"),
    ],
)
def test_model_that_the_page_cannot_run_is_refused(model: onnx.ModelProto, reason: str) -> None:
    with pytest.raises(UnsupportedStepError, match=reason):
        plan_of(model)


def test_operators_of_the_plan_are_those_of_the_page() -> None:
    source = (files("results.export.web") / "network.js").read_text(encoding="utf-8")
    table = source[source.index("const OPERATORS = {") :]
    assert tuple(sorted(re.findall(r"^  (\w+):", table, re.MULTILINE))) == OPERATORS
    assert np.prod(SHAPE) == 90
