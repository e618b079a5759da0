"""A running average of the weights, which is what is evaluated and kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """An exponential average of a network's weights and running statistics, step by step.

    It reaches back over ``longest`` steps, and no further than the share ``recent`` of the steps that were
    made: what a network was in its first steps is soon forgotten, so that the average is better than the
    weights from the first epoch on. A constant rate of forgetting serves only one length of training.
    """

    def __init__(self, network: nn.Module, longest: float, recent: float) -> None:
        self.longest = longest
        self.recent = recent
        self._current = _float_tensors(network)
        self.tensors = {name: tensor.detach().clone() for name, tensor in self._current.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the network's weights after its ``step``-th step, counted from 1."""
        reach = max(1.0, min(self.longest, self.recent * step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._current.values()), 1.0 / reach)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the network; its own weights come back at the end."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for name, tensor in self._current.items():
            own = tensor.data
            tensor.data, self.tensors[name] = self.tensors[name], own


def _float_tensors(network: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers of floating point, each shared one once."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return {name: tensor for name, tensor in named if tensor.is_floating_point()}
