"""What optimisers have in common: groups of weights with a rate and a decay, and the weights' momentum."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass
class WeightGroup:
    """Weights that share a rate and a decay.

    A schedule multiplies ``base_lr``; ``lr``, which comes of it, is a tensor on a GPU, where a CUDA graph
    reads it.
    """

    weights: Sequence[nn.Parameter]
    base_lr: float
    weight_decay: float
    lr: float | Tensor = field(init=False)

    def __post_init__(self) -> None:
        device = self.weights[0].device
        self.lr = torch.tensor(self.base_lr, device=device) if device.type == "cuda" else self.base_lr

    def with_gradients(self) -> list[nn.Parameter]:
        """Return those that the last backward pass has reached."""
        return [weight for weight in self.weights if weight.grad is not None]

    def set_rate(self, multiplier: float) -> None:
        """Set the rate to that share of ``base_lr``, without waiting for the device."""
        if isinstance(self.lr, Tensor):
            self.lr.fill_(self.base_lr * multiplier)
        else:
            self.lr = self.base_lr * multiplier


class Optimizer(ABC):
    """Moves weights by their gradients; ``buffers`` has the momentum of each that was moved.

    ``torch.optim.Optimizer`` is not its base: that one imports torch's compiler at its first call, which
    takes every worker two seconds and 150 MiB, for nothing where no network is compiled.
    """

    def __init__(self, groups: Sequence[WeightGroup], momentum: float) -> None:
        self.groups = tuple(groups)
        self.momentum = momentum
        self.buffers: dict[nn.Parameter, Tensor] = {}

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for group in self.groups:
            for weight in group.weights:
                weight.grad = None

    def set_rates(self, multiplier: float) -> None:
        """Set all rates to that share of their base."""
        for group in self.groups:
            group.set_rate(multiplier)

    @abstractmethod
    def step(self) -> None:
        """Move all weights once by the gradients that they have."""
