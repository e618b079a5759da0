"""Stochastic gradient descent with torch's fused kernel."""

from __future__ import annotations

from typing import Any

import torch
from torch.optim.sgd import sgd

from trainers.optim.optimizer import Optimizer


class SGD(Optimizer):
    """SGD with Nesterov momentum; its steps equal those of ``torch.optim.SGD``."""

    @torch.no_grad()
    def step(self) -> None:
        """Update all weights that have gradients."""
        for group in self.groups:
            weights = group.with_gradients()
            buffers: list[Any] = [self.buffers.get(weight) for weight in weights] if self.momentum else []
            sgd(
                list(weights),
                [weight.grad for weight in weights if weight.grad is not None],
                buffers,  # the kernel creates those that are None
                fused=True,
                weight_decay=group.weight_decay,
                momentum=self.momentum,
                lr=group.lr,
                dampening=0.0,
                nesterov=self.momentum > 0,
                maximize=False,
            )
            self.buffers.update(zip(weights, buffers, strict=False))
