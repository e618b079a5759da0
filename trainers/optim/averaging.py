"""A running average of the weights, which is evaluated and saved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """An exponential average of a network's weights and running statistics.

    avg <- avg + (w - avg) / reach, with reach = max(1, min(longest, recent * step)). The average thus forgets
    the first steps soon, and is better than the weights from the first epoch on. A constant reach suits one
    length of training only.

    Args:
        network: The network.
        longest: Largest reach in steps.
        recent: Largest reach as a fraction of the steps so far.
    """

    def __init__(self, network: nn.Module, longest: float, recent: float) -> None:
        self.longest = longest
        self.recent = recent
        self._current = _float_tensors(network)
        self.tensors = {name: tensor.detach().clone() for name, tensor in self._current.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Include the weights after step number ``step``, counted from 1."""
        reach = max(1.0, min(self.longest, self.recent * step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._current.values()), 1.0 / reach)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the average into the network; restore its weights at the end."""
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
    """Return floating-point parameters and buffers by name, a shared one once."""
    named = [*network.named_parameters(), *network.named_buffers()]
    return {name: tensor for name, tensor in named if tensor.is_floating_point()}
