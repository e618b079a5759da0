"""A training step recorded once as a CUDA graph and replayed: one launch instead of hundreds."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trainers.data.device_data import Batch

WARM_UP_STEPS = 3
"""Steps before the recording, in which libraries choose their kernels and the optimiser makes its state."""


class GraphedStep:
    """Calls a step for batches of one shape; after a few calls it replays a recording of it.

    Small networks are bound by the time that launching kernels takes, which a graph takes away (CUDA
    programming guide, "CUDA graphs"). A step trains on a batch and returns its loss; it must not wait for
    the device, and every number that changes from step to step must be in a tensor. It is an argument of
    each call, always the same one: kept here, it would hold the object that keeps this one, and their memory
    on the device would wait for the garbage collector.
    """

    def __init__(self) -> None:
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._inputs: Batch | None = None
        self._loss: Tensor | None = None

    def __call__(self, step: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
        """Train on ``batch`` by ``step`` and return its loss."""
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

    def _record(self, step: Callable[[Batch], Tensor], batch: Batch) -> None:
        self._inputs = Batch(*(tensor.clone(memory_format=torch.preserve_format) for tensor in batch))
        graph = torch.cuda.CUDAGraph()
        # other threads may go on: one of them pins memory for the next batches
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._loss = step(self._inputs)
        self._graph = graph


def _on_side_stream(step: Callable[[Batch], Tensor], batch: Batch) -> Tensor:
    """Warm up where recordings are made: the default stream cannot be recorded."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        loss = step(batch)
    torch.cuda.current_stream().wait_stream(stream)
    return loss
