"""The operators of network.js compute what onnxruntime does, in a real browser."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from importlib.resources import files

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from results.export.onnx_file import OPSET
from results.export.onnx_graph import recorded_model
from results.export.web.plan import plan_of
from space.modules import build
from space.networks.spec import Spec
from space.notation.parse import parse_notation
from tests.support.browser import CHROMIUM, Browser
from tests.support.onnx_models import RNG, SHAPE, SIZE, classifier_of, floats, model_of, node
from tests.support.profiles import examples
from tests.support.strategies import networks

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium or Chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser() as browser:
        source = (files("results.export.web") / "network.js").read_text(encoding="utf-8")
        browser.evaluate(f"{source}; window.run = (plan, image) => Array.from(makeNetwork(plan)(image)); 0")
        yield browser


def logits_in(browser: Browser, model: onnx.ModelProto, image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logits of one image C H W in the browser."""
    bits = base64.b64encode(image.astype("<f4").tobytes()).decode()
    pixels = f"new Float32Array(Uint8Array.from(atob('{bits}'), (c) => c.charCodeAt(0)).buffer)"
    found = browser.evaluate(f"run({json.dumps(plan_of(model).facts())}, {pixels})")
    return np.array(found, np.float32)


def expected_of(model: onnx.ModelProto, image: NDArray[np.float32]) -> NDArray[np.float32]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (logits,) = session.run(["logits"], {"images": image[None]})
    return np.asarray(logits)


def check(browser: Browser, model: onnx.ModelProto, image: NDArray[np.float32]) -> None:
    expected = expected_of(model, image).ravel()
    scale = max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(logits_in(browser, model, image) / scale, expected / scale, rtol=0, atol=1e-5)


@examples(60)
@given(networks(), st.booleans())
def test_networks_of_every_family_have_the_logits_of_onnxruntime(
    browser: Browser, spec: Spec, test_flip: bool
) -> None:
    torch.manual_seed(0)
    classifier = classifier_of(spec, build(spec), test_flip=test_flip)
    model = recorded_model(classifier, torch.rand(3, spec.in_channels, *SIZE), OPSET)
    model.ir_version = 8
    check(browser, model, RNG.random((spec.in_channels, *SIZE), dtype=np.float32))


MODELS = {
    "conv with bias, strides, dilations, groups and uneven padding": model_of(
        node("Conv", "images", "w", "b", strides=[2, 1], dilations=[1, 2], pads=[1, 0, 2, 3], group=3),
        w=floats(6, 1, 3, 2), b=floats(6),
    ),
    "average pooling without the border": model_of(
        node("AveragePool", "images", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])
    ),
    "average pooling with the border": model_of(
        node("AveragePool", "images", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1)
    ),
    "max pooling of negative numbers": model_of(
        node("Sub", "images", "one", output="x"),
        node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
        one=np.float32(1),
    ),
    "global average pooling": model_of(node("GlobalAveragePool", "images")),
    "mean over one axis without it": model_of(node("ReduceMean", "images", "axes", keepdims=0), axes=[-2]),
    "arithmetic with broadcasts": model_of(
        node("Add", "images", "a", output="x"), node("Mul", "b", "x", output="y"),
        node("Div", "y", "images_plus", output="z"), node("Pow", "z", "two"),
        a=floats(3, 1, 1), b=floats(5), images_plus=floats(1, 3, 6, 1), two=np.float32(2),
    ),
    "slices forwards, backwards and from the end": model_of(
        node("Slice", "images", "s", "e", "axes", "steps"),
        s=[-1, 1, -9], e=[np.iinfo(np.int64).min, np.iinfo(np.int64).max, -1], axes=[3, 2, 1], steps=[-2, 2, 1],
    ),
    "slice of the first axes": model_of(
        node("Slice", "images", "s", "e", "", "t"), s=[0, 2, 0], e=[1, -9, 4], t=[1, -1, 3]
    ),
    "gather of one index and of several": model_of(
        node("Gather", "images", "several", axis=3, output="x"), node("Gather", "x", "last", axis=2),
        several=[4, 0, -2], last=-1,
    ),
    "concatenation over channels": model_of(
        node("Relu", "images", output="x"), node("Concat", "x", "images", "x", axis=-3)
    ),
    "a classifier head": model_of(
        node("Transpose", "images", perm=[0, 2, 3, 1], output="t"), node("Flatten", "t", output="x"),
        node("Gemm", "x", "w", "b", transB=1, alpha=0.5, beta=2.0), w=floats(4, 90), b=floats(4),
    ),
    "reshape and matrix product": model_of(
        node("Reshape", "images", "shape", output="x"), node("MatMul", "x", "w"), shape=[0, -1], w=floats(90, 2)
    ),
    "activations": model_of(
        node("Mul", "images", "scale", output="x"), node("Erf", "x", output="e"), node("HardSwish", "e", output="h"),
        node("LeakyRelu", "h", alpha=0.2, output="l"), node("Sigmoid", "l", output="s"),
        node("Reciprocal", "s", output="r"), node("Identity", "r"), scale=np.float32(6),
    ),
    "a computed constant": model_of(
        node("Transpose", "w", output="v"), node("Add", "images", "v"), w=floats(5, 6, 3)
    ),
    "zeros as torch's exporter writes them": model_of(
        node("Shape", "images", output="batch", start=0, end=1), node("Concat", "batch", "size", output="all", axis=0),
        node("Expand", "zero", "all", output="u"), node("Conv", "u", "w", output="v"), node("Sub", "images", "v"),
        size=[3, 6, 5], zero=np.float32(0), w=floats(1, 3, 1, 1),
    ),
    "zeros of the shape of the images": model_of(
        node("Shape", "images", output="shape"), node("ConstantOfShape", "shape", output="zeros"),
        node("Sub", "zeros", "images"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_operator_has_the_result_of_onnxruntime(browser: Browser, name: str) -> None:
    image = RNG.random(SHAPE, dtype=np.float32) * 2 - 0.5
    check(browser, MODELS[name], image)


def test_erf_is_exact_near_and_far_from_zero(browser: Browser) -> None:
    model = model_of(node("Mul", "images", "scale", output="x"), node("Erf", "x"), scale=np.float32(12))
    image = np.linspace(-0.5, 0.5, 90, dtype=np.float32).reshape(SHAPE)
    check(browser, model, image)


def test_a_network_computes_each_image_anew(browser: Browser) -> None:
    spec = parse_notation("MgNet[2,1]-4-B^l", in_channels=3, num_classes=3)
    classifier = classifier_of(spec, build(spec))
    model = recorded_model(classifier, torch.rand(3, 3, *SIZE), OPSET)
    facts = json.dumps(plan_of(model).facts())
    size = 3 * SIZE[0] * SIZE[1]
    first, other, again = browser.evaluate(
        f"(() => {{ const net = makeNetwork({facts}); const image = (v) => new Float32Array({size}).fill(v); "
        "return [0.2, 0.9, 0.2].map((v) => Array.from(net(image(v)))); })()"
    )
    assert first == again
    assert first != other
