"""A network as an ONNX graph, recorded from the operators that torch executes on one batch.

Recording takes a fraction of the time of torch's exporter, which is used for operators outside ``OPERATORS``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from onnx import ModelProto

    from space.modules import Classifier

_LOWEST = np.iinfo(np.int64).min


class UnsupportedOperatorError(Exception):
    """The network uses an operator, or arguments of one, that ``OPERATORS`` does not support."""


class Graph:
    """The recorded nodes and initializers; each recorded tensor has a name.

    Tensors are identified by ``id``, so the graph keeps references to them.
    """

    def __init__(self, images: Tensor, weights: Mapping[str, Tensor]) -> None:
        self.batch = len(images)
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self._names: dict[int, str] = {id(images): "images"}
        self._weights = {id(tensor): name for name, tensor in weights.items()}
        self._kept: list[Any] = [images, weights]

    def name(self, value: Any) -> str:
        """Return the name of a tensor; numbers and weights become initializers."""
        if isinstance(value, int | float):
            return self.constant(np.array(value, np.float32))
        if not isinstance(value, Tensor) or value.dtype != torch.float32:
            raise UnsupportedOperatorError(f"a value {type(value).__name__} that is no float32 tensor")
        if id(value) not in self._names:
            if id(value) not in self._weights:
                raise UnsupportedOperatorError("a tensor that no known operator made")
            name = self._weights[id(value)]
            self.initializers.append(numpy_helper.from_array(value.detach().cpu().numpy(), name))
            self._names[id(value)] = name
        return self._names[id(value)]

    def constant(self, array: np.ndarray[Any, Any]) -> str:
        """Return the name of a new initializer."""
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def integers(self, *values: int) -> str:
        """Return the name of a new initializer of one dimension."""
        return self.constant(np.array(values, np.int64))

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        return name

    def bind(self, tensor: Tensor, name: str) -> None:
        """Give a tensor the name of its value in the graph."""
        self._names[id(tensor)] = name
        self._kept.append(tensor)


class _Recorder(TorchDispatchMode):
    """Adds each operator that torch executes to a graph."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.graph = graph

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Return False: the default True imports torch's compiler, which takes seconds."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        name = str(func)
        if name in WITHOUT_A_NODE:
            return output
        if name not in OPERATORS:
            raise UnsupportedOperatorError(name)
        result = output[0] if isinstance(output, tuple) else output
        self.graph.bind(result, OPERATORS[name](self.graph, *args, **(kwargs or {})))
        return output


def recorded_model(classifier: Classifier, images: Tensor, opset: int) -> ModelProto:
    """Return the classifier as an ONNX model: ``images`` N C H W with any N to ``logits`` N K.

    Raises:
        UnsupportedOperatorError: An operator is not in ``OPERATORS``.
    """
    weights = dict(classifier.named_parameters()) | dict(classifier.named_buffers())
    graph = Graph(images, weights)
    with torch.no_grad(), _Recorder(graph):
        logits = classifier(images)
    last = graph.node("Identity", graph.name(logits))
    graph.nodes[-1].output[0] = "logits"
    graph.nodes[-1].name = last
    sides = ["batch", *images.shape[1:]]
    proto = helper.make_graph(
        _used_nodes(graph.nodes),
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", logits.shape[1]])],
        graph.initializers,
    )
    model: ModelProto = helper.make_model(
        proto, producer_name="mgnas", opset_imports=[helper.make_opsetid("", opset)]
    )
    return model


def _used_nodes(nodes: list[Any]) -> list[Any]:
    """Return the nodes on which ``logits`` depends."""
    used, needed = [], {"logits"}
    for node in reversed(nodes):
        if needed & set(node.output):
            used.append(node)
            needed |= set(node.input)
    return used[::-1]


def _convolution(
    graph: Graph, x: Any, weight: Any, bias: Any, stride: list[int], padding: list[int],
    dilation: list[int], transposed: bool, _output_padding: list[int], groups: int,
) -> str:  # fmt: skip
    if transposed:
        raise UnsupportedOperatorError("a transposed convolution")
    inputs = [graph.name(value) for value in (x, weight, bias) if value is not None]
    return graph.node(
        "Conv", *inputs, strides=stride, pads=[*padding, *padding], dilations=dilation, group=groups
    )


def _batch_norm(
    graph: Graph, x: Any, weight: Any, bias: Any, mean: Any, var: Any, training: bool, _momentum: float,
    eps: float,
) -> str:  # fmt: skip
    if training:
        raise UnsupportedOperatorError("a batch norm that trains")
    inputs = (graph.name(value) for value in (x, weight, bias, mean, var))
    return graph.node("BatchNormalization", *inputs, epsilon=eps)


def _batch_norm_of_inference(
    graph: Graph, x: Any, weight: Any, bias: Any, mean: Any, var: Any, momentum: float, eps: float
) -> str:
    return _batch_norm(graph, x, weight, bias, mean, var, False, momentum, eps)


def _elementwise(kind: str) -> Callable[..., str]:
    def write(graph: Graph, a: Any, b: Any, alpha: float = 1) -> str:
        if alpha != 1:
            raise UnsupportedOperatorError(f"{kind} with a factor")
        return graph.node(kind, graph.name(a), graph.name(b))

    return write


def _unary(kind: str) -> Callable[..., str]:
    return lambda graph, x: graph.node(kind, graph.name(x))


def _leaky_relu(graph: Graph, x: Any, slope: float = 0.01) -> str:
    return graph.node("LeakyRelu", graph.name(x), alpha=slope)


def _silu(graph: Graph, x: Any) -> str:
    return graph.node("Mul", graph.name(x), graph.node("Sigmoid", graph.name(x)))


def _gelu(graph: Graph, x: Any, approximate: str = "none") -> str:
    """``x (1 + erf(x / sqrt 2)) / 2``; ONNX has its own operator only from opset 20."""
    if approximate != "none":
        raise UnsupportedOperatorError("an approximate gelu")
    erf = graph.node("Erf", graph.node("Mul", graph.name(x), graph.name(math.sqrt(0.5))))
    half = graph.node("Mul", graph.name(x), graph.name(0.5))
    return graph.node("Mul", half, graph.node("Add", erf, graph.name(1.0)))


def _mean(graph: Graph, x: Any, dims: list[int], keepdim: bool = False) -> str:
    return graph.node("ReduceMean", graph.name(x), graph.integers(*dims), keepdims=int(keepdim))


def _avg_pool(
    graph: Graph, x: Any, kernel: list[int], stride: list[int], padding: tuple[int, ...] = (0, 0),
    ceil_mode: bool = False, count_include_pad: bool = True, divisor: int | None = None,
) -> str:  # fmt: skip
    if ceil_mode or divisor is not None:
        raise UnsupportedOperatorError("an average pooling with ceil_mode or a divisor")
    return graph.node(
        "AveragePool", graph.name(x), kernel_shape=kernel, strides=stride, pads=[*padding, *padding],
        count_include_pad=int(count_include_pad),
    )  # fmt: skip


def _max_pool(
    graph: Graph, x: Any, kernel: list[int], stride: list[int], padding: tuple[int, ...] = (0, 0),
    dilation: tuple[int, ...] = (1, 1), ceil_mode: bool = False,
) -> str:  # fmt: skip
    if ceil_mode:
        raise UnsupportedOperatorError("a max pooling with ceil_mode")
    return graph.node(
        "MaxPool", graph.name(x), kernel_shape=kernel, strides=stride, pads=[*padding, *padding],
        dilations=list(dilation),
    )  # fmt: skip


def _zeros(graph: Graph, x: Tensor) -> str:
    """Zeros of the shape of ``x``; its first dimension is the batch."""
    if x.dim() == 0 or len(x) != graph.batch or x.dtype != torch.float32:
        raise UnsupportedOperatorError("zeros that are not one block an image")
    batch = graph.node("Gather", graph.node("Shape", "images"), graph.integers(0), axis=0)
    shape = graph.node("Concat", batch, graph.integers(*x.shape[1:]), axis=0)
    return graph.node("ConstantOfShape", shape)


def _select(graph: Graph, x: Any, dim: int, index: int) -> str:
    return graph.node("Gather", graph.name(x), graph.constant(np.array(index, np.int64)), axis=dim)


def _slice(
    graph: Graph, x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> str:
    if dim == 0:
        raise UnsupportedOperatorError("a part of the batch")
    last = np.iinfo(np.int64).max if end is None else end
    values = (graph.integers(value) for value in (start or 0, last, dim, step))
    return graph.node("Slice", graph.name(x), *values)


def _flip(graph: Graph, x: Any, dims: list[int]) -> str:
    count = len(dims)
    ends, steps = graph.integers(*[_LOWEST] * count), graph.integers(*[-1] * count)
    return graph.node(
        "Slice", graph.name(x), graph.integers(*[-1] * count), ends, graph.integers(*dims), steps
    )


def _addmm(graph: Graph, bias: Any, x: Any, weight: Any) -> str:
    """``x w + bias``; a transposition of ``w`` becomes an attribute, for the matrix is then constant."""
    name = graph.name(weight)
    source = next((n.input[0] for n in graph.nodes if n.op_type == "Transpose" and name in n.output), None)
    return graph.node("Gemm", graph.name(x), source or name, graph.name(bias), transB=int(source is not None))


WITHOUT_A_NODE = {"aten.empty.memory_format"}
"""Uninitialised memory; operators that read it without ``aten.zero_`` are refused."""

OPERATORS: dict[str, Callable[..., str]] = {
    "aten.convolution.default": _convolution,
    "aten.native_batch_norm.default": _batch_norm,
    "aten._native_batch_norm_legit_no_training.default": _batch_norm_of_inference,
    "aten.relu.default": _unary("Relu"),
    "aten.leaky_relu.default": _leaky_relu,
    "aten.silu.default": _silu,
    "aten.gelu.default": _gelu,
    "aten.hardswish.default": _unary("HardSwish"),
    "aten.add.Tensor": _elementwise("Add"),
    "aten.sub.Tensor": _elementwise("Sub"),
    "aten.mul.Tensor": _elementwise("Mul"),
    "aten.div.Tensor": _elementwise("Div"),
    "aten.pow.Tensor_Scalar": _elementwise("Pow"),
    "aten.reciprocal.default": _unary("Reciprocal"),
    "aten.mean.dim": _mean,
    "aten.avg_pool2d.default": _avg_pool,
    "aten.max_pool2d_with_indices.default": _max_pool,
    "aten.zero_.default": _zeros,
    "aten.select.int": _select,
    "aten.slice.Tensor": _slice,
    "aten.flip.default": _flip,
    "aten.t.default": _unary("Transpose"),
    "aten.addmm.default": _addmm,
}
"""The writer of each operator; its arguments are the graph and the arguments of the operator."""
