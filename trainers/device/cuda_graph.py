"""A training step recorded as a CUDA graph: one launch instead of hundreds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trainers.data.device_data import Batch, TaughtBatch

Step = Callable[[Batch | TaughtBatch], Tensor]
WARM_UP_STEPS = 3
"""Steps before the recording, in which libraries select kernels and optimisers create their state."""


class GraphedStep:
    """Calls a step on batches of one shape; after ``WARM_UP_STEPS`` calls it replays a recording.

    Kernel launches dominate the time of small networks; a graph removes them (CUDA programming guide, "CUDA
    graphs"). The step must not wait for the device. Every number that changes from step to step must be in a
    tensor.

    The step is an argument of each call and must always be the same. A reference to it would form a cycle,
    and its device memory would wait for the garbage collector.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Batch | TaughtBatch | None = None
        self._loss: Tensor | None = None

    def __call__(self, step: Step, batch: Batch | TaughtBatch) -> Tensor:
        """Train on ``batch`` with ``step`` and return its loss."""
        self._calls += 1
        if self._calls <= WARM_UP_STEPS:
            return _on_side_stream(step, batch)
        if self._graph is None:
            self._record(step, batch)
        assert self._graph is not None
        assert self._inputs is not None
        assert self._loss is not None
        for static, tensor in zip(self._inputs, batch, strict=True):
            static.copy_(tensor, non_blocking=True)
        self._graph.replay()
        return self._loss.clone()

    def _record(self, step: Step, batch: Batch | TaughtBatch) -> None:
        self._inputs = type(batch)(*(tensor.clone(memory_format=torch.preserve_format) for tensor in batch))
        graph = torch.cuda.CUDAGraph()
        # reader threads may pin memory for the next batches meanwhile
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._loss = step(self._inputs)
        self._graph = graph


def _on_side_stream(step: Step, batch: Batch | TaughtBatch) -> Tensor:
    """Run a warm-up step on a side stream, as the default stream cannot be recorded."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        loss = step(batch)
    torch.cuda.current_stream().wait_stream(stream)
    return loss
