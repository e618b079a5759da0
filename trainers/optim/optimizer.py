"""The base of all optimisers: weight groups with rate and decay, and the momentum of each weight."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn


@dataclass
class WeightGroup:
    """Weights with one learning rate and one weight decay.

    The rate is ``lr = base_lr * multiplier``. On a GPU it is a tensor that a CUDA graph reads.
    """

    weights: Sequence[nn.Parameter]
    base_lr: float
    weight_decay: float
    lr: float | Tensor = field(init=False)

    def __post_init__(self) -> None:
        device = self.weights[0].device
        self.lr = torch.tensor(self.base_lr, device=device) if device.type == "cuda" else self.base_lr

    def with_gradients(self) -> list[nn.Parameter]:
        """Return the weights that have a gradient."""
        return [weight for weight in self.weights if weight.grad is not None]

    def set_rate(self, multiplier: float) -> None:
        """Set the rate to ``base_lr * multiplier`` without waiting for the device."""
        if isinstance(self.lr, Tensor):
            self.lr.fill_(self.base_lr * multiplier)
        else:
            self.lr = self.base_lr * multiplier


class Optimizer(ABC):
    """The base class of optimisers; ``buffers`` holds the momentum of each updated weight.

    It does not derive from ``torch.optim.Optimizer``, whose first call imports torch's compiler: 2 s and 150
    MiB in every worker (docs/experiments/optimizer-import.md).
    """

    def __init__(self, groups: Sequence[WeightGroup], momentum: float) -> None:
        self.groups = tuple(groups)
        self.momentum = momentum
        self.buffers: dict[nn.Parameter, Tensor] = {}

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for group in self.groups:
            for weight in group.weights:
                weight.grad = None

    def set_rates(self, multiplier: float) -> None:
        """Set all rates to their base times ``multiplier``."""
        for group in self.groups:
            group.set_rate(multiplier)

    @abstractmethod
    def step(self) -> None:
        """Update all weights that have gradients."""
